import { z } from 'zod';
import { problemSchema } from '../../contracts/errors.ts';
import { stageSchema } from '../../contracts/execution.ts';

/** The part of an answer that tells whether the program did what it should: checking all of it costs ten times as much. */
const answerSchema = z.object({
  run: stageSchema.pick({ outcome: true, stdout: true }).optional(),
  compile: stageSchema.pick({ outcome: true }).optional(),
});

/** Tells what is wrong with an answer, in a few words; undefined where it is what the program should give. */
export type Judge = (status: number, body: string) => string | undefined;

/** `expected` undefined accepts any output of a program that ends well. */
export const createJudge =
  (expected: string | undefined): Judge =>
  (status, body) => {
    const json = parsed(body);
    if (status !== 200) {
      const problem = problemSchema.safeParse(json);
      return problem.success ? `${status} ${problem.data.code}` : `HTTP status ${status}`;
    }
    const answer = answerSchema.safeParse(json);
    if (!answer.success) return 'an answer that is not of a Paddock service';
    const { run, compile } = answer.data;
    if (!run) return `it did not compile: ${compile?.outcome ?? 'no reason given'}`;
    if (run.outcome !== 'ok') return `it ended with ${run.outcome}`;
    if (expected === undefined || sameText(run.stdout, expected)) return undefined;
    return `it printed ${quoted(run.stdout)} instead of ${quoted(expected)}`;
  };

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};

/** As the tests of an execution are judged: white space at the end of the output aside. */
const sameText = (printed: string, expected: string): boolean =>
  printed === expected || printed.trimEnd() === expected.trimEnd();

const QUOTED_LENGTH = 40;
const quoted = (text: string): string =>
  JSON.stringify(text.length > QUOTED_LENGTH ? `${text.slice(0, QUOTED_LENGTH)}…` : text);
