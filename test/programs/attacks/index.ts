import type { Attack } from '../attack.ts';
import { compile } from './compile.ts';
import { confinement } from './confinement.ts';
import { databases } from './databases.ts';
import { files } from './files.ts';
import { forks } from './forks.ts';
import { input } from './input.ts';
import { kernel } from './kernel.ts';
import { memory } from './memory.ts';
import { neighbours } from './neighbours.ts';
import { output } from './output.ts';
import { processes } from './processes.ts';

export const themes: Readonly<Record<string, readonly Attack[]>> = {
  memory,
  processes,
  output,
  files,
  kernel,
  confinement,
  neighbours,
  forks,
  compile,
  databases,
  input,
};
