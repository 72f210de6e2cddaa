import { asksFor, type Command, unknown } from './arguments.ts';
import { chatCommand } from './commands/chat.ts';
import { EXIT_CODE, explain, type ExitCode, renderFailure } from './exit.ts';
import { convertCommand } from './commands/convert.ts';
import { evalCommand } from './commands/eval.ts';
import { generateCommand } from './commands/generate.ts';
import { renderCommandHelp, renderHelp } from './commands/help.ts';
import type { Host } from './terminal/host.ts';
import { infoCommand } from './commands/info.ts';
import { packageVersion } from './package-files.ts';
import { print } from './terminal/output.ts';

const COMMANDS: readonly Command[] = [
  generateCommand,
  chatCommand,
  infoCommand,
  convertCommand,
  evalCommand,
];
const HELP = renderHelp(COMMANDS.map(({ spec }) => spec));

/**
 * Does what a command line says; whatever goes wrong is one line on stderr and the exit code.
 *
 * @param args the words after `tpa`
 */
export async function tpa(args: readonly string[], host: Host): Promise<ExitCode> {
  try {
    return await dispatch(args, host);
  } catch (error) {
    const failure = explain(error, host.signal);
    print(host.stderr, renderFailure(failure, asksFor(args, '--json')));
    return failure.exitCode;
  }
}

async function dispatch(args: readonly string[], host: Host): Promise<ExitCode> {
  const [first, ...rest] = args;
  if (first === undefined) {
    print(host.stderr, HELP);
    return EXIT_CODE.usage;
  }
  if (first === 'help' || first === '--help' || first === '-h') {
    const topic = rest[0];
    print(host.stdout, topic === undefined ? HELP : renderCommandHelp(find(topic).spec));
    return EXIT_CODE.ok;
  }
  if (first === '--version' || first === '-v') {
    print(host.stdout, `${await packageVersion()}\n`);
    return EXIT_CODE.ok;
  }
  if (first.startsWith('-')) throw unknown('option', first, ['--help', '--version']);
  const command = find(first);
  if (!asksFor(rest, '--help', '-h')) return command.run(rest, host);
  print(host.stdout, renderCommandHelp(command.spec));
  return EXIT_CODE.ok;
}

/** The command with this first word. */
function find(name: string): Command {
  const firstWords = COMMANDS.map(({ spec }) => spec.name.replace(/ .*/, ''));
  const command = COMMANDS[firstWords.indexOf(name)];
  if (command) return command;
  throw unknown('command', name, [...firstWords, 'help']);
}
