import { createHash } from 'node:crypto';
import type { Browser } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { launchChromium } from '../helpers/servers/browser.ts';
import type { Conversations, Next } from './conformance/conversations.ts';
import type { Setting } from './conformance/suite.ts';
import { copyConsumer } from './consumer.ts';
import { giveSnapshots, writePrograms } from './conversation-programs.ts';
import { findRuntime, type Missing } from './find.ts';
import { runPage } from './hosts/chromium.ts';
import type { Reported } from './hosts/host.ts';
import { runProcess } from './hosts/process.ts';
import { queryOf } from './hosts/setting.ts';
import { ISOLATION, POLICY } from './hosts/site.ts';
import { runWorkerd } from './hosts/workerd.ts';
import type { RuntimeName } from './pins.ts';

/** A runtime, and how it holds all conversations. */
interface Runtime {
  readonly title: string;
  /** Whether it has threads and workers: its models compute there when snapshots are resumed. */
  readonly hasWorkers: boolean;
  run(setting: Setting): Promise<Reported>;
}

/** What came of a runtime's two runs. */
interface Ran {
  readonly title: string;
  readonly first: Conversations | Error;
  readonly last: Conversations | Error;
  /** Where models had to compute in the last one. */
  readonly place: Setting;
}

const ALONE = { threads: 1, worker: false } as const;
const IN_WORKER = { threads: 2, worker: true } as const;

const test = suite('snapshots');
const { folder, remove } = copyConsumer();
const chromium = await launchChromium();
try {
  await writePrograms(folder);
  const all = await runAll(runtimesHere());
  for (const ran of all) testOne(ran, all[0]!);
  for (const from of all) for (const to of all) testPair(from, to);
} finally {
  if (!('missing' in chromium)) await chromium.close();
  remove();
}
test.run();

/** Lets every runtime take its snapshots, and then go on with those of all. */
async function runAll(runtimes: readonly Runtime[]): Promise<Ran[]> {
  giveSnapshots(folder, []);
  const firsts: (Conversations | Error)[] = [];
  for (const runtime of runtimes) firsts.push(await converse(runtime, ALONE));
  const given = runtimes.flatMap(({ title }, i) =>
    takenIn(firsts[i]!).map(({ name, model, bytes }) => ({ from: title, name, model, bytes })),
  );
  giveSnapshots(folder, given);
  const all: Ran[] = [];
  for (const [i, runtime] of runtimes.entries()) {
    const place = runtime.hasWorkers ? IN_WORKER : ALONE;
    const last = await converse(runtime, place);
    all.push({ title: runtime.title, first: firsts[i]!, last, place });
  }
  return all;
}

async function converse({ run }: Runtime, setting: Setting): Promise<Conversations | Error> {
  try {
    const { report, complaints } = await run(setting);
    return complaints.length === 0 ? (report as Conversations) : new Error(complaints.join('\n'));
  } catch (error) {
    return error as Error;
  }
}

/** The bytes and tokens of a runtime, wherever in it the model computes, are those of the first. */
function testOne({ title, first, last, place }: Ran, reference: Ran): void {
  test(`${title}: the bytes are those of every runtime, and a snapshot interrupts nothing`, () => {
    const expected = takenOf(reference.first).map(summaryOf);
    for (const [where, ran] of [
      [ALONE, first],
      [place, last],
    ] as const) {
      const taken = takenOf(ran);
      assert.equal((ran as Conversations).place, where);
      for (const { name, before, next, whole } of taken) {
        assert.equal([...before, ...next.tokens], whole, name);
      }
      assert.equal(taken.map(summaryOf), expected);
    }
  });
}

/** A snapshot goes on in another runtime as it does in its own. */
function testPair(from: Ran, to: Ran): void {
  test(`taken in ${from.title}, resumed in ${to.title}: the same tokens, and then the same bytes`, () => {
    const expected = takenOf(from.first).map(({ name, next }) => ({ name, ...nextOf(next) }));
    assert.ok(expected.length > 0);
    if (to.last instanceof Error) throw to.last;
    const resumed = to.last.resumed.filter((each) => each.from === from.title);
    assert.equal(
      resumed.map(({ name, ...next }) => ({ name, ...nextOf(next) })),
      expected,
    );
  });
}

function takenOf(ran: Conversations | Error): Conversations['taken'] {
  if (ran instanceof Error) throw ran;
  return ran.taken;
}

/** None of a runtime that failed, whose own test says so. */
function takenIn(ran: Conversations | Error): Conversations['taken'] {
  return ran instanceof Error ? [] : ran.taken;
}

/** What must be the same everywhere, short enough to be read where it is not. */
function summaryOf({ name, bytes, before, next }: Conversations['taken'][number]) {
  return { name, sha256: sha256(bytes), before, ...nextOf(next) };
}

function nextOf({ tokens, bytes }: Next) {
  return { tokens, sha256After: sha256(bytes) };
}

function sha256(base64: string): string {
  return createHash('sha256').update(base64, 'base64').digest('hex');
}

/** Those that are here; each other one is skipped by name. */
function runtimesHere(): Runtime[] {
  const node = process.versions.node;
  const all: (Runtime | Missing)[] = [
    node.startsWith('20.')
      ? ofProgram({ title: 'Node 20', program: process.execPath }, [])
      : { missing: `Node 20: the Node at hand is ${node}` },
    installed('node', (found) => ofProgram(found, [])),
    installed('deno', (found) => ofProgram(found, ['run', '--no-prompt'])),
    installed('bun', (found) => ofProgram(found, ['run'])),
    installed('workerd', ({ title, program }) => ({
      title,
      hasWorkers: false,
      run: () => runWorkerd(program, folder, {}),
    })),
    'missing' in chromium ? chromium : ofPage(chromium),
  ];
  return all.filter((each): each is Runtime => {
    if (!('missing' in each)) return true;
    process.stdout.write(`snapshots: skipped, ${each.missing}\n`);
    test.skip(each.missing);
    return false;
  });
}

interface Program {
  readonly title: string;
  readonly program: string;
}

function installed(name: RuntimeName, runtimeOf: (found: Program) => Runtime): Runtime | Missing {
  const found = findRuntime(name);
  if ('missing' in found) return found;
  return runtimeOf({ title: `${found.title} ${found.version}`, program: found.program });
}

function ofProgram({ title, program }: Program, args: readonly string[]): Runtime {
  const run = (setting: Setting) =>
    runProcess(program, [...args, 'process.js', JSON.stringify(setting)], folder);
  return { title, hasWorkers: true, run };
}

/** A page that may have threads. */
function ofPage(browser: Browser): Runtime {
  const headers = { 'content-security-policy': POLICY, ...ISOLATION };
  const run = async (setting: Setting) => {
    const site = { folders: [folder], page: `page.html${queryOf(setting)}`, headers };
    const { posted: report, complaints } = await runPage(browser, site);
    if (typeof report === 'string') throw new Error(report);
    return { report, complaints };
  };
  return { title: `Chromium ${browser.version()}`, hasWorkers: true, run };
}
