import type { ExecutionRequestInput } from '../../contracts/execution.ts';
import type { RuntimeInfo } from '../../contracts/runtime.ts';
import { type CliContext, standardInput, UsageError } from '../context.ts';
import { single } from '../option-values.ts';
import { chooseRuntime } from '../run/choose-runtime.ts';
import { readProgram } from '../run/program-files.ts';

export interface ProgramOptions {
  files?: string[] | undefined;
  code?: string | undefined;
  runtime?: string | undefined;
  runtimeVersion?: string | undefined;
}

export interface BenchProgram {
  /** The request with this number in the place of every `{{n}}`. */
  readonly request: (n: number) => ExecutionRequestInput;
  /** Whether all requests are the same. */
  readonly fixed: boolean;
}

/** Where this stands in the program, the number of the request is put: no cache then knows it. */
const PLACE = '{{n}}';

/** What is run where no program is given: nothing but the start of the language and one line. */
const hellos: Record<string, string> = {
  python: `# ${PLACE}\nprint("hello")\n`,
  javascript: `// ${PLACE}\nconsole.log("hello");\n`,
  typescript: `// ${PLACE}\nconsole.log("hello" as string);\n`,
  bash: `# ${PLACE}\necho hello\n`,
  java: `// ${PLACE}\npublic class Main {\n  public static void main(String[] args) {\n    System.out.println("hello");\n  }\n}\n`,
  c: `// ${PLACE}\n#include <stdio.h>\nint main() { puts("hello"); }\n`,
  'c++': `// ${PLACE}\n#include <iostream>\nint main() { std::cout << "hello\\n"; }\n`,
  go: `// ${PLACE}\npackage main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n`,
};

/** What is sent over and over. `runtimes` are those of the service. */
export const chooseProgram = async (
  context: CliContext,
  options: ProgramOptions,
  runtimes: readonly RuntimeInfo[],
): Promise<BenchProgram> => {
  const paths = options.files ?? [];
  if (paths.includes(standardInput)) throw new UsageError('give a program as a file or with --code, not "-"');
  if (paths.length > 0 && options.code !== undefined)
    throw new UsageError('give either a file or --code, one of the two');
  const [first] = paths;
  const named = options.runtime === undefined ? undefined : single('--runtime', options.runtime);
  if (options.code !== undefined && named === undefined) throw new UsageError('--code needs --runtime');
  const version =
    options.runtimeVersion === undefined
      ? {}
      : { version: single('--runtime-version', options.runtimeVersion) };
  if (first !== undefined) {
    const runtime = named ?? chooseRuntime(first, runtimes).name;
    const files = await readProgram(context, paths);
    return withNumbers({ runtime, ...version, files });
  }
  const runtime = named ?? 'python';
  const code = options.code === undefined ? helloOf(runtime, runtimes) : single('--code', options.code);
  return withNumbers({ runtime, ...version, code });
};

const helloOf = (name: string, runtimes: readonly RuntimeInfo[]): string => {
  const known = runtimes.find((runtime) => runtime.name === name || runtime.aliases.includes(name));
  const hello = hellos[known?.name ?? name];
  if (hello === undefined) throw new UsageError(`for ${name}, give a program: a file or --code`);
  return hello;
};

const withNumbers = (request: ExecutionRequestInput): BenchProgram => {
  const put = (text: string, n: number): string => text.replaceAll(PLACE, String(n));
  const fixed = !JSON.stringify(request).includes(PLACE);
  return {
    fixed,
    request: (n) =>
      fixed
        ? request
        : {
            ...request,
            ...(request.code !== undefined && { code: put(request.code, n) }),
            ...(request.files && {
              files: request.files.map((file) => ({ ...file, content: put(file.content, n) })),
            }),
          },
  };
};
