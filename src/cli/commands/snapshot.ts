import { readSnapshotInfo, type SnapshotInfo } from '../../index.ts';
import { command } from '../arguments.ts';
import { flag } from '../command-spec.ts';
import { EXIT_CODE } from '../exit.ts';
import { count, renderTable, type Row } from '../report/table.ts';
import { openSnapshot } from '../snapshot-file.ts';
import { print } from '../terminal/output.ts';

const operand = {
  placeholder: 'FILE',
  about: 'what tpa chat --save or session.snapshot() wrote',
  cure: 'name one at a time',
};
const options = { json: flag('print one JSON object to stdout, and nothing else') };

const SHOW = {
  name: 'snapshot show',
  about: 'Show what a snapshot says of itself: its model, its conversation, its sizes.',
  operand,
  options,
  notes: ['Only what stands before the caches is read; tpa snapshot verify reads all of it.'],
};

const VERIFY = {
  name: 'snapshot verify',
  about: 'Check a snapshot to its last byte: every length and checksum; no model is needed.',
  operand,
  options,
  notes: ['Exit code 0 says that it is whole. Whether it is of a model, restoring it tells.'],
};

/** `tpa snapshot show`. */
export const snapshotShowCommand = command(
  SHOW,
  async ({ values, operand: path }, { signal, stdout }) => {
    const source = await openSnapshot(path, SHOW.name);
    const info = await readSnapshotInfo(source, { verify: false, signal });
    print(stdout, values.json ? json(info) : render(info));
    return EXIT_CODE.ok;
  },
);

/** `tpa snapshot verify`. */
export const snapshotVerifyCommand = command(
  VERIFY,
  async ({ values, operand: path }, { signal, stdout }) => {
    const info = await readSnapshotInfo(await openSnapshot(path, VERIFY.name), { signal });
    const { tokens, byteLength } = info;
    const text = `whole: ${count(byteLength)} bytes, ${count(tokens.length)} tokens\n`;
    print(stdout, values.json ? json(info) : text);
    return EXIT_CODE.ok;
  },
);

function json(info: SnapshotInfo): string {
  return `${JSON.stringify({ ...info, metadata: info.metadata ?? null })}\n`;
}

function render(info: SnapshotInfo): string {
  const { tokens, cachedTokens, cacheDtype, layers, hasStates, metadata } = info;
  const of = hasStates ? 'states' : `${count(cachedTokens)} tokens as ${cacheDtype}`;
  const rows: Row[] = [
    ['format', `version ${info.version}`],
    ['model', info.fingerprint],
    ['tokens', count(tokens.length)],
    ['cache', `${count(info.cacheBytes)} bytes, ${of}, ${count(layers)} layers`],
    ['random', info.hasRandom ? 'kept: seed "continue" goes on' : 'none'],
    ['sha256', info.hasHash ? 'at the end' : 'none, CRC-32C for each section'],
    ['bytes', count(info.byteLength)],
  ];
  if (metadata !== undefined) rows.push(['metadata', printable(JSON.stringify(metadata))]);
  return renderTable(rows);
}

/** What a terminal may be given of a file that somebody else has written. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '?');
}
