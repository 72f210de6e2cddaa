import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { launchChromium } from '../helpers/servers/browser.ts';
import { runPage } from '../runtimes/hosts/chromium.ts';
import { POLICY } from '../runtimes/hosts/site.ts';
import { type Block, blocksOf, documents, examples, filesOf, read } from './blocks.ts';
import { commandsOf, tryCommand } from './commands.ts';
import { unsent } from './headers.ts';
import { exampleProgram, GIVEN, programOf } from './programs.ts';
import { Project } from './project.ts';

const RUN_PAGE = `import('./program.js').then(() => 'done', (error) => String(error)).then((body) =>
  fetch('report', { method: 'POST', body: JSON.stringify(body) }));`;

const chromium = await launchChromium();
const project = new Project();
const counts = new Map<string, number>();
const test = suite('code in the documentation');

test.after(async () => {
  project.remove();
  if (!('missing' in chromium)) await chromium.close();
});

/** What is done with the blocks of a document that have one info string. */
const TRIALS: Readonly<Record<string, (blocks: readonly Block[], name: string) => unknown>> = {
  sh(blocks) {
    for (const block of blocks) {
      for (const command of commandsOf(block)) {
        const isRun = tryCommand(command, block, project);
        count(isRun ? 'commands run' : 'commands that name what exists');
      }
    }
  },
  js(blocks, name) {
    project.write(`${name}.mjs`, programOf(blocks));
    project.node([`${name}.mjs`]);
  },
  ts(blocks, name) {
    project.write(`${name}.mts`, programOf(blocks));
    project.tsx([`${name}.mts`]);
  },
  async 'js browser'(blocks, name) {
    project.write(`${name}-page.mjs`, programOf(blocks));
    if ('missing' in chromium) return; // skipped below
    await build({
      absWorkingDir: project.folder,
      entryPoints: [`${name}-page.mjs`],
      outfile: 'site/program.js',
      bundle: true,
      format: 'esm',
      external: ['./tpa-wasm/*'],
      logLevel: 'silent',
    });
    project.write('site/run.js', RUN_PAGE);
    project.write('site/page.html', '<!doctype html><script type="module" src="run.js"></script>');
    const { posted, complaints } = await runPage(chromium, {
      folders: [`${project.folder}/site`],
      page: 'page.html',
      headers: { 'content-security-policy': POLICY },
    });
    assert.is(posted, 'done', complaints.join('\n'));
  },
  async http(blocks) {
    for (const { code } of blocks) assert.equal(await unsent(code), []);
  },
  json(blocks) {
    for (const { code } of blocks) JSON.parse(code);
  },
  /** Diagrams and the like: no code. */
  text() {},
};

for (const file of documents()) {
  const blocks = blocksOf(file);
  test(`${file}: every fence is a block's, of a kind that is known`, () => {
    assert.is(read(file).match(/^ *```/gm)?.length ?? 0, 2 * blocks.length);
    for (const { info, line } of blocks) assert.ok(info in TRIALS, `line ${line}: "${info}"`);
  });
  for (const [info, tryBlocks] of Object.entries(TRIALS)) {
    const ofKind = blocks.filter((block) => block.info === info);
    if (ofKind.length === 0) continue;
    const title = `${file}: ${info} of line ${ofKind.map(({ line }) => line).join(', ')}`;
    test(title, async () => {
      await tryBlocks(ofKind, file.replaceAll(/\W/g, '-'));
      count(info, ofKind.length);
    });
    if (info !== 'js browser' || !('missing' in chromium)) continue;
    process.stdout.write(`skipped: ${chromium.missing}\n`);
    test.skip(`${title} (only types are checked: ${chromium.missing})`, () => {});
  }
}

project.write(GIVEN.file, GIVEN.code);
for (const [index, example] of examples().entries()) {
  project.write(`example-${index}.mts`, exampleProgram(example));
}

test('every @example runs, and what its comments claim is so', () => {
  const run = examples().map(
    ({ file, line }, index) =>
      `await import('./example-${index}.mts').catch((error) => failed('${file}:${line}', error));\n`,
  );
  const report = `const failed = (where, error) => { console.error(where, error); process.exitCode = 1; };\n`;
  project.write('examples.mts', [report, ...run].join(''));
  project.tsx(['examples.mts']);
  count('@example', run.length);
});

test('the types of all programs are right', () => project.checkTypes());

test('nothing was left out', () => {
  const tags = filesOf('src', '.ts').flatMap((file) => read(file).match(/@example/g) ?? []);
  assert.is(examples().length, tags.length);
  const found = [...documents().flatMap(blocksOf), ...examples()];
  for (const kind of new Set(found.map(({ info }) => info))) {
    assert.is(counts.get(kind), found.filter(({ info }) => info === kind).length, kind);
  }
  process.stdout.write(`${[...counts].map(([what, times]) => `${times} ${what}`).join(', ')}\n`);
});

test.run();

function count(what: string, by = 1): void {
  counts.set(what, (counts.get(what) ?? 0) + by);
}
