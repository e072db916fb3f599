import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { renderJobDiff } from '../../../../service/cluster/nomad/job-diff.ts';

/** Recorded from Nomad 2.0.5, which showed it as below. */
const recorded: unknown = JSON.parse(readFileSync(new URL('job-diff.json', import.meta.url), 'utf8'));
const shownByNomad = `\
+/- Job: "paddock-default"
+/- Meta[paddock_spec]: "f396a460fe47d306" => "other"
+/- Task Group: "executor" (1 create)
  +/- Task: "executor" (forces create/destroy update)
    +/- KillTimeout: "120000000000" => "60000000000"
    +/- Config {
      +   args[0]: "600"
      +/- command: "/opt/paddock/scripts/paddock-executor" => "/bin/sleep"
        }
    +/- Action {
      +/- Command: "/opt/paddock/scripts/paddock-executor" => "/bin/echo"
          Name:    "status"
          Args {
            Args: "status"
          }
        }
    -   Action {
        - Command: "/opt/paddock/scripts/paddock-executor"
        - Name:    "drain"
        - Args {
          - Args: "drain"
          }
        }`;

const job = (fields: object) => ({
  ID: 'paddock-gpu',
  Fields: null,
  Objects: null,
  TaskGroups: null,
  ...fields,
});
const group = (fields: object) => ({ Name: 'executor', Fields: null, Objects: null, Tasks: null, ...fields });

test('a recorded diff is shown as nomad job plan shows it', () => {
  assert.equal(renderJobDiff(recorded), shownByNomad);
});

test('of a new job only its parts are named', () => {
  const task = {
    Type: 'Added',
    Name: 'executor',
    Fields: null,
    Objects: null,
    Annotations: ['forces create'],
  };
  const field = { Type: 'Added', Name: 'Datacenters', Old: '', New: '*' };
  const added = group({ Type: 'Added', Tasks: [task], Updates: { create: 1 } });
  assert.equal(
    renderJobDiff(job({ Type: 'Added', Fields: [field], TaskGroups: [added] })),
    [
      '+ Job: "paddock-gpu"',
      '+ Task Group: "executor" (1 create)',
      '  + Task: "executor" (forces create)',
    ].join('\n'),
  );
});

test('marks of different width leave names below one another', () => {
  const fields = [
    { Type: 'Deleted', Name: 'Meta[paddock_spec]', Old: 'a', New: '' },
    { Type: 'Edited', Name: 'NodePool', Old: 'default', New: 'gpu' },
  ];
  const groups = [group({ Type: 'None', Tasks: null })];
  assert.equal(
    renderJobDiff(job({ Type: 'Edited', Fields: fields, TaskGroups: groups })),
    [
      '+/- Job: "paddock-gpu"',
      '-   Meta[paddock_spec]: "a"',
      '+/- NodePool:           "default" => "gpu"',
      '    Task Group: "executor"',
    ].join('\n'),
  );
});

test('colours are there when they are asked for, and change nothing else', () => {
  const coloured = renderJobDiff(recorded, { colour: true });
  assert.ok(coloured.includes('\u001b[93m+/-\u001b[0m Job'));
  assert.ok(coloured.includes('\u001b[31m-\u001b[0m   Action'));
  assert.equal(stripVTControlCharacters(coloured), shownByNomad);
});

test('what is not a diff is refused', () => {
  assert.throws(() => renderJobDiff({ Type: 'Changed', ID: 'paddock-gpu' }));
});
