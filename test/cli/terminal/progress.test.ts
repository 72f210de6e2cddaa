import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ProgressBar, renderProgress } from '../../../src/cli/terminal/progress.ts';
import { fakeHost } from '../../helpers/fakes/fake-host.ts';

const ERASE = '\r\u001B[2K';

const test = suite('ProgressBar');

test('draws once a percent and leaves nothing behind', () => {
  const host = fakeHost({ isTTY: true });
  const bar = new ProgressBar(host.stderr);
  for (let loaded = 1; loaded <= 1000; loaded++) bar.update({ loaded, total: 1000 });
  const frames = host.err().split(ERASE).slice(1);
  assert.is(frames.length, 101);
  assert.is(frames.at(0), renderProgress(0, 80));
  assert.is(frames.at(-1), renderProgress(100, 80));
  bar.erase();
  assert.ok(host.err().endsWith(ERASE));
});

test('erases nothing where nothing was drawn', () => {
  const host = fakeHost({ isTTY: true });
  new ProgressBar(host.stderr).erase();
  assert.is(host.err(), '');
});

test('shows a rate where there is one and room for it', () => {
  const host = fakeHost({ isTTY: true });
  new ProgressBar(host.stderr).update({ loaded: 1, total: 2, rate: 12_345_678 });
  assert.ok(host.err().endsWith(']  50% 12.3 MB/s'), host.err());
  assert.ok(renderProgress(100, 60, 'loading', 1e300).endsWith('100% 9999.9 MB/s'));
  assert.is(renderProgress(50, 50, 'loading', 1e6), renderProgress(50, 50));
});

test('renderProgress() fits any line', () => {
  assert.is(renderProgress(50, 80), `loading [${'#'.repeat(15)}${'-'.repeat(15)}]  50%`);
  assert.is(renderProgress(100, 80), `loading [${'#'.repeat(30)}] 100%`);
  assert.is(renderProgress(7, 20), '  7%');
  for (let columns = 5; columns < 100; columns++) {
    for (const percent of [0, 1, 99, 100]) {
      const line = renderProgress(percent, columns);
      assert.ok(line.length < columns, `${columns}`);
      assert.ok(renderProgress(percent, columns, 'loading', 1e9).length < columns, `${columns}`);
      assert.not(line.includes('\u001B')); // no colour, so NO_COLOR has nothing to turn off
    }
  }
});

test.run();
