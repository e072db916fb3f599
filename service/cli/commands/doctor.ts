import { styleText } from 'node:util';
import type { CommandModule } from 'yargs';
import type { CliContext, CommandEnvironment, DoctorCheck } from '../context.ts';

export const doctorCommand = ({
  context,
  ports,
  done,
}: CommandEnvironment): CommandModule<object, { json?: boolean }> => ({
  command: 'doctor',
  describe: 'Check this machine: what isolation it gives, what is weaker, how to mend it',
  builder: (argv) => argv.option('json', { type: 'boolean', describe: 'Answer as JSON, for machines' }),
  handler: async (options) => {
    const checks = (await ports.doctor(context.env)).map(({ fix, ...check }) =>
      check.ok || fix === undefined ? check : { ...check, fix },
    );
    const failed = checks.some((check) => check.required && !check.ok);
    if (options.json) {
      context.stdout.write(`${JSON.stringify({ ok: !failed, checks }, null, 2)}\n`);
    } else {
      print(context, checks);
    }
    done(failed ? 1 : 0);
  },
});

const print = (context: CliContext, checks: readonly DoctorCheck[]): void => {
  const paint = (colour: 'green' | 'yellow' | 'red', text: string) =>
    context.colours ? styleText(colour, text, { validateStream: false }) : text;
  const width = Math.max(0, ...checks.map((check) => check.name.length));
  for (const check of checks) {
    const mark = check.ok ? paint('green', '✓') : check.required ? paint('red', '✗') : paint('yellow', '!');
    context.stdout.write(`${mark} ${check.name.padEnd(width)}  ${check.detail}\n`);
    if (check.fix) context.stdout.write(`  ${' '.repeat(width)}  mend it: ${check.fix}\n`);
  }
  const missing = checks.filter((check) => !check.ok && check.required).length;
  const weaker = checks.filter((check) => !check.ok && !check.required).length;
  const verdict =
    missing > 0
      ? `${missing} required ${missing === 1 ? 'thing is' : 'things are'} missing: programs cannot be run safely here.`
      : weaker > 0
        ? `Programs can be run here; ${weaker} ${weaker === 1 ? 'protection is' : 'protections are'} weaker than possible.`
        : 'Everything is enforced.';
  context.stdout.write(`\n${verdict}\n`);
};
