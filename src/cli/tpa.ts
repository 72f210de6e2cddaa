import { asksFor, type Command, unknown } from './arguments.ts';
import { chatCommand } from './commands/chat.ts';
import { EXIT_CODE, explain, type ExitCode, renderFailure, shown, UsageError } from './exit.ts';
import { convertCommand } from './commands/convert.ts';
import { choiceCommand } from './commands/eval-choice.ts';
import { perplexityCommand } from './commands/eval-perplexity.ts';
import { generateCommand } from './commands/generate.ts';
import { renderCommandHelp, renderHelp } from './commands/help.ts';
import type { Host } from './terminal/host.ts';
import { snapshotShowCommand, snapshotVerifyCommand } from './commands/snapshot.ts';
import { infoCommand } from './commands/info.ts';
import { packageVersion } from './package-files.ts';
import { print } from './terminal/output.ts';

const COMMANDS: readonly Command[] = [
  generateCommand,
  chatCommand,
  infoCommand,
  convertCommand,
  perplexityCommand,
  choiceCommand,
  snapshotShowCommand,
  snapshotVerifyCommand,
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
    print(host.stdout, rest.length === 0 ? HELP : helpOf(rest));
    return EXIT_CODE.ok;
  }
  if (first === '--version' || first === '-v') {
    print(host.stdout, `${await packageVersion()}\n`);
    return EXIT_CODE.ok;
  }
  if (first.startsWith('-')) throw unknown('option', first, ['--help', '--version']);
  if (asksFor(rest, '--help', '-h')) {
    print(host.stdout, helpOf(args));
    return EXIT_CODE.ok;
  }
  const { command, words } = find(args);
  return command.run(args.slice(words), host);
}

/** Help on the commands that the first words name, one or all of a family. */
function helpOf(words: readonly string[]): string {
  const family = familyOf(words[0]!);
  const named = family.filter(({ spec }) => spec.name === words.slice(0, 2).join(' '));
  const asked = named.length > 0 ? named : family;
  return asked.map(({ spec }) => renderCommandHelp(spec)).join('\n');
}

/** The command that the first words name, and how many words that takes. */
function find(args: readonly string[]): { readonly command: Command; readonly words: number } {
  const [first = '', second] = args;
  const family = familyOf(first);
  if (family[0]!.spec.name === first) return { command: family[0]!, words: 1 };
  const command = family.find(({ spec }) => spec.name === `${first} ${second}`);
  if (command) return { command, words: 2 };
  const measures = family.map(({ spec }) => spec.name.slice(first.length + 1)).join(' or ');
  const found = second === undefined ? 'nothing' : shown(second);
  throw new UsageError(`${first} expected ${measures}, got ${found}`);
}

/** The commands whose name is a word, or begins with it. */
function familyOf(first: string): readonly Command[] {
  const family = COMMANDS.filter((command) => firstWord(command) === first);
  if (family.length > 0) return family;
  throw unknown('command', first, [...new Set(COMMANDS.map(firstWord)), 'help']);
}

function firstWord({ spec }: Command): string {
  return spec.name.replace(/ .*/, '');
}
