import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('a process whose model is in a worker');

/** A program of the built package; `act` has a model and a session. */
async function run(act: string): Promise<string> {
  const program = `
    import { loadModel } from './dist/index.js';
    const model = await loadModel('models/t6-stories.gguf', { worker: true });
    if (!model.info().worker) throw new Error(model.info().workerReason);
    const session = model.createSession();
    ${act}`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 });
  return stdout;
}

test('waits for what was asked, with nothing else to wait for', async () => {
  const text = await run(`
    const { length } = await session.generate('Once', { maxTokens: 20, seed: 1 }).text();
    console.log(length > 10 ? 'text' : length);
    model.dispose();`);
  assert.is(text, 'text\n');
});

test('ends while the worker is idle, though nobody has disposed of the model', async () => {
  assert.is(await run(`await session.prefill([1, 2, 3]); console.log('done');`), 'done\n');
});

test('ends after dispose() within a step', async () => {
  const act = `
    const failing = session.prefill(Array(200).fill(5)).catch(({ code }) => console.log(code));
    setImmediate(() => model.dispose());
    await failing;`;
  assert.is(await run(act), 'DISPOSED\n');
});

test.run();
