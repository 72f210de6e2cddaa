import fs, { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { TpaError, type TpaErrorCode } from '../../src/base/errors.ts';
import {
  chooseSimd,
  compileBinary,
  type SimdOption,
  type WasmSource,
} from '../../src/wasm/binary.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';

const binaryOf = (simd: string) =>
  readFileSync(new URL(`../../dist/wasm/tpa-${simd}.wasm`, import.meta.url));

const hasCode =
  (code: TpaErrorCode) =>
  (message: RegExp) =>
  (error: unknown): boolean =>
    error instanceof TpaError && error.code === code && message.test(error.message);

const isBlocked = hasCode('WASM_BLOCKED');
const isUnavailable = hasCode('SIMD_UNAVAILABLE');

/** Awaits a rejection and hands its reason to `expects`. */
async function rejects(
  promise: Promise<unknown>,
  expects: (error: unknown) => boolean,
): Promise<void> {
  let reason: unknown;
  try {
    await promise;
  } catch (error) {
    reason = error;
  }
  assert.ok(expects(reason), `rejected with ${String(reason)}`);
}

const test = suite('chooseSimd() and compileBinary()');

test('chooseSimd() takes relaxed where it validates and says why', async () => {
  assert.equal(await chooseSimd('baseline'), { simd: 'baseline', reason: 'asked for' });
  assert.equal(await chooseSimd('relaxed'), { simd: 'relaxed', reason: 'asked for' });
  const { simd, reason } = await chooseSimd('auto');
  assert.is(simd, 'relaxed');
  assert.match(reason, /validates relaxed SIMD; results may differ/);
});

test('chooseSimd() falls back, or throws SIMD_UNAVAILABLE, where an engine validates less', async () => {
  const { validate } = WebAssembly;
  try {
    // bytes of the probes: relaxed SIMD opcodes are 0xfd 0x80–0x93 0x02 in LEB128
    WebAssembly.validate = (bytes) =>
      validate(bytes) &&
      !Buffer.from(bytes as Uint8Array)
        .toString('hex')
        .match(/fd[89].02/);
    const { simd, reason } = await chooseSimd('auto');
    assert.is(simd, 'baseline');
    assert.match(reason, /does not validate relaxed/);
    await rejects(chooseSimd('relaxed'), isUnavailable(/"auto" or "baseline"/));
    WebAssembly.validate = () => false;
    await rejects(chooseSimd('auto'), isUnavailable(/no WebAssembly SIMD/));
    await rejects(chooseSimd('baseline'), isUnavailable(/no WebAssembly SIMD/));
  } finally {
    WebAssembly.validate = validate;
  }
});

test('chooseSimd() refuses any other option', async () => {
  for (const option of ['fast', '', null, 1]) {
    await rejects(
      chooseSimd(option as SimdOption),
      (error) =>
        error instanceof RangeError &&
        error.message.startsWith('"simd" expected "auto", "baseline" or "relaxed", got '),
    );
  }
});

test('compileBinary() compiles the embedded kernels, those of the name', async () => {
  for (const simd of BINARIES) {
    const module = await compileBinary(simd);
    assert.ok(WebAssembly.Module.exports(module).some(({ name }) => name === 'tpaDecode'));
  }
});

test('compileBinary() takes a module, bytes, a response or an address instead', async () => {
  const bytes = binaryOf('baseline');
  const module = await WebAssembly.compile(bytes);
  assert.is(await compileBinary('baseline', module), module);
  const exact = new Uint8Array(bytes).buffer;
  for (const source of [bytes, exact, new DataView(exact), new Response(new Uint8Array(bytes))]) {
    const compiled = await compileBinary('baseline', source);
    assert.equal(WebAssembly.Module.exports(compiled), WebAssembly.Module.exports(module));
  }
  const url = new URL(`data:application/wasm;base64,${bytes.toString('base64')}`);
  assert.ok((await compileBinary('baseline', url)) instanceof WebAssembly.Module);
});

test('compileBinary() names HTML, an HTTP status, and bytes that are not wasm: WASM_BLOCKED', async () => {
  const html = new Response('<!doctype html><title>404</title>');
  await rejects(compileBinary('baseline', html), isBlocked(/got HTML from/));
  const missing = new Response('', { status: 404 });
  await rejects(compileBinary('baseline', missing), isBlocked(/HTTP 404/));
  await rejects(
    compileBinary('baseline', new Response('x')),
    isBlocked(/1 bytes that are not wasm/),
  );
  await rejects(
    compileBinary('baseline', new Response('')),
    isBlocked(/0 bytes that are not wasm/),
  );
  const broken = binaryOf('baseline').subarray(0, 2000);
  await rejects(compileBinary('baseline', broken), isBlocked(/could not be compiled/));
});

test('compileBinary() turns a fetch that fails into WASM_BLOCKED with the cause', async () => {
  const server = createServer((request) => request.socket.destroy());
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  try {
    const url = new URL(`http://127.0.0.1:${address.port}/kernels.wasm`);
    await rejects(
      compileBinary('baseline', url),
      (error) =>
        isBlocked(/kernels\.wasm/)(error) && (error as TpaError).cause instanceof TypeError,
    );
  } finally {
    server.close();
  }
});

test('compileBinary() says what to do where its own kernels cannot be loaded', async () => {
  const { readFile } = fs.promises;
  const inflating = globalThis.DecompressionStream;
  try {
    // no file, and nothing to inflate the embedded bytes with
    Object.assign(fs.promises, { readFile: () => Promise.reject(new Error('ENOENT')) });
    syncBuiltinESMExports();
    Reflect.deleteProperty(globalThis, 'DecompressionStream');
    await rejects(
      compileBinary('baseline'),
      isBlocked(
        /could not be loaded: DecompressionStream .*; give them as "wasm", with "simd": "baseline"$/,
      ),
    );
  } finally {
    Object.assign(fs.promises, { readFile });
    syncBuiltinESMExports();
    globalThis.DecompressionStream = inflating;
  }
});

test('a signal ends the request of kernels that do not come', async () => {
  const server = createServer((_, response) => response.writeHead(200).write('\0asm'));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const controller = new AbortController();
  try {
    const wasm = new URL(`http://127.0.0.1:${port}/kernels.wasm`);
    const loading = loadModel('.', { wasm, simd: 'baseline', signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await rejects(loading, hasCode('ABORTED')(/loading was aborted/));
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('compileBinary() refuses what is no source', async () => {
  for (const source of ['kernels.wasm', 7, null, {}]) {
    await rejects(
      compileBinary('baseline', source as WasmSource),
      (error) => error instanceof TypeError && error.message.startsWith('"wasm" expected a '),
    );
  }
});

test.run();
