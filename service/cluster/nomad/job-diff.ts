import { z } from 'zod';

/*
 * What POST /v1/job/:id/plan says of how a job would change, and how `nomad job plan` shows it.
 * https://developer.hashicorp.com/nomad/api-docs/jobs#create-job-plan
 */
const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((value) => value ?? []);
const changeSchema = z.enum(['None', 'Added', 'Deleted', 'Edited']);
type Change = z.infer<typeof changeSchema>;
const annotations = list(z.string());

const fieldSchema = z.object({
  Type: changeSchema,
  Name: z.string(),
  Old: z.string().default(''),
  New: z.string().default(''),
  Annotations: annotations,
});
type Field = z.output<typeof fieldSchema>;

interface DiffObject {
  readonly Type: Change;
  readonly Name: string;
  readonly Fields: readonly Field[];
  readonly Objects: readonly DiffObject[];
}
const objectSchema = z.object({
  Type: changeSchema,
  Name: z.string(),
  Fields: list(fieldSchema),
  get Objects(): z.ZodType<readonly DiffObject[]> {
    return list(objectSchema);
  },
});
const taskSchema = objectSchema.extend({ Annotations: annotations });
const groupSchema = objectSchema.extend({
  Tasks: list(taskSchema),
  Updates: z
    .record(z.string(), z.number())
    .nullish()
    .transform((found) => found ?? {}),
});
const jobSchema = z.object({
  Type: changeSchema,
  ID: z.string(),
  Fields: list(fieldSchema),
  Objects: list(objectSchema),
  TaskGroups: list(groupSchema),
});

type Task = z.output<typeof taskSchema>;
type Group = z.output<typeof groupSchema>;

const marks: Record<Change, string> = { Added: '+', Deleted: '-', Edited: '+/-', None: '' };
const colours: Record<Change, number> = { Added: 32, Deleted: 31, Edited: 93, None: 0 };

const widthOf = (change: Change): number => (change === 'None' ? 0 : marks[change].length + 1);

/** What stands before a name: its mark, and blanks up to where the names of its neighbours begin. */
interface Marker {
  readonly mark: (change: Change) => string;
  /** How far the blanks go that follow the mark: what is inside begins there, and two further. */
  readonly inset: (change: Change) => number;
  readonly width: number;
}

const markerOf = (parts: readonly { readonly Type: Change }[], colour: boolean): Marker => {
  const width = Math.max(0, ...parts.map(({ Type }) => widthOf(Type)));
  return {
    mark: (change) => {
      const mark = marks[change];
      const shown = colour && mark !== '' ? `\u001b[${colours[change]}m${mark}\u001b[0m` : mark;
      return shown + ' '.repeat(width - mark.length);
    },
    inset: (change) => width - widthOf(change) + 2,
    width,
  };
};

const noteOf = (notes: readonly string[]): string => (notes.length === 0 ? '' : ` (${notes.join(', ')})`);

const changeOf = (field: Field): string => {
  if (field.Type === 'Deleted') return JSON.stringify(field.Old);
  if (field.Type === 'Edited') return `${JSON.stringify(field.Old)} => ${JSON.stringify(field.New)}`;
  return JSON.stringify(field.New);
};

const indented = (lines: readonly string[], by: number): string[] =>
  lines.map((line) => ' '.repeat(by) + line);

const linesOf = (
  fields: readonly Field[],
  objects: readonly DiffObject[],
  marker: Marker,
  colour: boolean,
): string[] => {
  const width = Math.max(0, ...fields.map(({ Name }) => Name.length));
  return [
    ...fields.map(
      (field) =>
        `${marker.mark(field.Type)}${`${field.Name}:`.padEnd(width + 1)} ${changeOf(field)}${noteOf(field.Annotations)}`,
    ),
    ...objects.flatMap(({ Type, Name, Fields, Objects }) => [
      `${marker.mark(Type)}${Name} {`,
      ...indented(
        linesOf(Fields, Objects, markerOf([...Fields, ...Objects], colour), colour),
        marker.inset(Type),
      ),
      `${' '.repeat(marker.width)}}`,
    ]),
  ];
};

const taskLines = ({ Type, Name, Fields, Objects, Annotations }: Task, marker: Marker, colour: boolean) => [
  `${marker.mark(Type)}Task: "${Name}"${noteOf(Annotations)}`,
  ...(Type === 'Edited'
    ? indented(linesOf(Fields, Objects, markerOf([...Fields, ...Objects], colour), colour), 2)
    : []),
];

const groupLines = (group: Group, marker: Marker, colour: boolean): string[] => {
  const updates = Object.entries(group.Updates).sort(([one], [other]) => (one < other ? -1 : 1));
  const within = markerOf([...group.Fields, ...group.Objects, ...group.Tasks], colour);
  const own = group.Type === 'Edited' ? linesOf(group.Fields, group.Objects, within, colour) : [];
  return [
    `${marker.mark(group.Type)}Task Group: "${group.Name}"${noteOf(updates.map(([what, count]) => `${count} ${what}`))}`,
    ...indented(
      [...own, ...group.Tasks.flatMap((task) => taskLines(task, within, colour))],
      marker.inset(group.Type),
    ),
  ];
};

/**
 * A plan's diff for people, as `nomad job plan` shows it: `+`, `-` and `+/-`, and only what changes. Lines without a
 * newline at the end.
 * @param diff `Diff` of Nomad's answer
 * @throws z.ZodError where it is not one
 */
export const renderJobDiff = (diff: unknown, options: { colour?: boolean } = {}): string => {
  const job = jobSchema.parse(diff);
  const colour = options.colour ?? false;
  const within = markerOf([...job.Fields, ...job.Objects, ...job.TaskGroups], colour);
  return [
    `${markerOf([job], colour).mark(job.Type)}Job: "${job.ID}"`,
    ...(job.Type === 'Edited' ? linesOf(job.Fields, job.Objects, within, colour) : []),
    ...job.TaskGroups.flatMap((group) => groupLines(group, within, colour)),
  ].join('\n');
};
