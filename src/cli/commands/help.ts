import { optionName } from '../arguments.ts';
import type { CommandSpec, OptionSpec, OptionSpecs } from '../command-spec.ts';
import { renderTable, type Row } from '../report/table.ts';

const HELP: Row = ['-h, --help', 'show this text'];

/** The help of one command. */
export function renderCommandHelp({ name, about, operand, options, notes }: CommandSpec): string {
  const usage = ['tpa', name, ...(operand ? [operand.placeholder] : []), '[options]'].join(' ');
  const rows: Row[] = operand ? [[operand.placeholder, operand.about]] : [];
  rows.push(...optionRows(options), HELP);
  const paragraphs = notes.map((note) => `\n${note}\n`).join('');
  return `${usage}\n\n${about}\n\n${renderTable(rows, '  ')}${paragraphs}`;
}

/** The help of `tpa`. */
export function renderHelp(commands: readonly CommandSpec[]): string {
  const rows: Row[] = commands.map(({ name, about }) => [name, about]);
  rows.push(['help [command]', 'show the help of a command']);
  const options: Row[] = [HELP, ['-v, --version', 'show the version']];
  return `tpa command [options]

Runs language models with Tensor Product Attention, and LLaMA-like ones, on the CPU or a GPU.

${renderTable(rows, '  ')}
${renderTable(options, '  ')}
Exit codes: 0 done, 1 failed (one line on stderr: error CODE: message), 2 the command line is not
understood, 130 interrupted by Ctrl-C (once: stop and report; twice: at once). With --json the line
on stderr is {"code":"…","message":"…"}.
`;
}

function optionRows(options: OptionSpecs): Row[] {
  return Object.entries(options).map(([key, option]) => {
    const short = option.short === undefined ? '' : `-${option.short}, `;
    const value = option.placeholder === undefined ? '' : ` ${option.placeholder}`;
    return [`${short}--${optionName(key)}${value}`, optionText(option)];
  });
}

function optionText({ about, range, fallback }: OptionSpec): string {
  const remarks = [range, fallback === undefined ? undefined : `default ${fallback}`];
  const shown = remarks.filter((remark) => remark !== undefined).join('; ');
  return shown === '' ? about : `${about} (${shown})`;
}
