import type { Outcome } from '../../../service/contracts/execution.ts';
import type { Attack } from '../attack.ts';

const failed: readonly Outcome[] = [
  'time-limit',
  'memory-limit',
  'nonzero-exit',
  'output-limit',
  'disk-limit',
  'process-limit',
  'signal',
];
const limits = { compileMs: 3_000, wallMs: 3_000 };
const noRun: NonNullable<Extract<Attack, { runtime: string }>['check']> = (result) =>
  result.run ? ['it was run all the same'] : [];

const bomb = (
  name: string,
  runtime: string,
  program: string,
  outcome: readonly Outcome[] = failed,
): Attack => ({
  name: `compile-${name}`,
  runtime,
  program,
  request: { limits },
  stage: 'compile',
  outcome,
  maxMs: 8_000,
  check: noRun,
});

const include = (name: string, code: string): Attack => ({
  name: `compile-${name}`,
  runtime: 'c',
  code,
  request: { limits },
  stage: 'compile',
  outcome: failed,
  maxMs: 6_000,
  check: noRun,
});

export const compile: readonly Attack[] = [
  bomb('template-recursion', 'cpp17', 'compile-template.cpp'),
  bomb('constexpr-endless', 'cpp17', 'compile-constexpr.cpp'),
  bomb('error-flood', 'cpp17', 'compile-errors.cpp'),
  bomb('preprocessor-explosion', 'c', 'compile-preprocessor.c'),
  bomb('enormous-array', 'c', 'compile-array.c'),
  bomb('assembler-fill', 'c', 'compile-fill.c'),
  bomb('includes-itself', 'c', 'compile-self.c'),
  include('includes-endless-device', '#include "/dev/zero"\nint main(void) { return 0; }\n'),
  include('includes-random-device', '#include "/dev/urandom"\nint main(void) { return 0; }\n'),
  include('includes-terminal', '#include "/dev/tty"\nint main(void) { return 0; }\n'),
  include('includes-shadow', '#include "/etc/shadow"\nint main(void) { return 0; }\n'),
  include('embeds-shadow', '__asm__(".incbin \\"/etc/shadow\\"");\nint main(void) { return 0; }\n'),
  {
    name: 'compile-embeds-environment',
    runtime: 'c',
    // The assembler of the compile stage reads /proc/self/environ into the program, which then shows it.
    code: '#include <stdio.h>\n__asm__(".data\\n.globl e\\ne: .incbin \\"/proc/self/environ\\"\\n.byte 0,0\\n.globl e_end\\ne_end:\\n");\nextern char e[], e_end[];\nint main(void) { for (char *p = e; p < e_end; p++) putchar(*p ? *p : 10); puts("held: environment (shown)"); return 0; }\n',
    request: { limits },
    outcome: ['ok', 'nonzero-exit'],
    maxMs: 5_000,
  },
  {
    name: 'compile-file-names-as-options',
    runtime: 'c',
    request: {
      files: [
        { name: 'main.c', content: '#include <stdio.h>\nint main(void) { puts("fine"); return 0; }\n' },
        { name: '-fplugin=evil.c', content: '' },
        { name: '@main.c', content: '-fplugin=/work/evil.so' },
        { name: '$(id).c', content: 'int dollar;\n' },
        { name: ';id;.c', content: 'int semicolon;\n' },
      ],
      entry: 'main.c',
      limits,
    },
    // The compiler may refuse such names; what it does with them stays in the sandbox.
    stage: 'compile',
    outcome: ['ok', 'nonzero-exit'],
    maxMs: 5_000,
  },
  bomb('java-nested-lambdas', 'java', 'CompileBomb.java', [...failed, 'ok']),
  {
    name: 'compile-runs-nothing-of-the-user',
    runtime: 'java',
    // An annotation processor among the files is a program that the compiler would run.
    request: {
      files: [
        {
          name: 'Main.java',
          content:
            'public class Main { public static void main(String[] a) { System.out.println("fine"); } }\n',
        },
        { name: 'META-INF/services/javax.annotation.processing.Processor', content: 'Evil\n' },
        { name: 'Evil.java', content: 'public class Evil { static { System.out.println("evil"); } }\n' },
      ],
      entry: 'Main.java',
    },
    outcome: 'ok',
    maxMs: 10_000,
    check: (_, stage) => (stage.stdout === 'fine\n' ? [] : [`stdout ${JSON.stringify(stage.stdout)}`]),
  },
];
