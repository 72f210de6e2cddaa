import fs, { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import type { TpaErrorCode } from '../../src/base/errors.ts';
import {
  chooseSimd,
  compileBinary,
  readBinary,
  type SimdOption,
  type WasmSource,
} from '../../src/wasm/binary.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';

/** The kernels of a source, compiled. */
const compile = async (simd: 'baseline' | 'relaxed', source?: WasmSource) =>
  compileBinary(await readBinary(simd, source));

const binaryOf = (simd: string) =>
  readFileSync(new URL(`../../dist/wasm/tpa-${simd}.wasm`, import.meta.url));

/** Asserts that the promise rejects with a TpaError of this code and message. */
async function rejects(promise: Promise<unknown>, code: TpaErrorCode, message: RegExp) {
  const error = await refused(() => promise, code);
  assert.match(error.message, message);
  return error;
}

/** Calls with the address of kernels on a server that answers as `answer` says. */
async function withServer(answer: RequestListener, use: (wasm: URL) => Promise<void>) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  try {
    const { port } = server.address() as AddressInfo;
    await use(new URL(`http://127.0.0.1:${port}/kernels.wasm`));
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

const test = suite('chooseSimd(), readBinary() and compileBinary()');

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
    await rejects(chooseSimd('relaxed'), 'SIMD_UNAVAILABLE', /"auto" or "baseline"/);
    WebAssembly.validate = () => false;
    await rejects(chooseSimd('auto'), 'SIMD_UNAVAILABLE', /no WebAssembly SIMD/);
    await rejects(chooseSimd('baseline'), 'SIMD_UNAVAILABLE', /no WebAssembly SIMD/);
  } finally {
    WebAssembly.validate = validate;
  }
});

test('chooseSimd() refuses any other option', async () => {
  const message = /^"simd" expected "auto", "baseline" or "relaxed", got /;
  await assertMistakes(
    ['fast', '', null, 1].map((option) => [
      () => chooseSimd(option as SimdOption),
      RangeError,
      message,
    ]),
  );
});

test('readBinary() gives the embedded kernels, those of the name', async () => {
  for (const simd of BINARIES) {
    const module = await compile(simd);
    assert.ok(WebAssembly.Module.exports(module).some(({ name }) => name === 'tpaDecode'));
  }
});

test('readBinary() takes a module, bytes, a response or an address instead', async () => {
  const bytes = binaryOf('baseline');
  const module = await WebAssembly.compile(bytes);
  assert.is(await compile('baseline', module), module);
  const exact = new Uint8Array(bytes).buffer;
  for (const source of [bytes, exact, new DataView(exact), new Response(new Uint8Array(bytes))]) {
    const compiled = await compile('baseline', source);
    assert.equal(WebAssembly.Module.exports(compiled), WebAssembly.Module.exports(module));
  }
  const url = new URL(`data:application/wasm;base64,${bytes.toString('base64')}`);
  assert.ok((await compile('baseline', url)) instanceof WebAssembly.Module);
});

test('readBinary() names HTML, an HTTP status, and bytes that are not wasm: WASM_BLOCKED', async () => {
  const html = new Response('<!doctype html><title>404</title>');
  await rejects(compile('baseline', html), 'WASM_BLOCKED', /got HTML from/);
  const missing = new Response('', { status: 404 });
  await rejects(compile('baseline', missing), 'WASM_BLOCKED', /HTTP 404/);
  await rejects(
    compile('baseline', new Response('x')),
    'WASM_BLOCKED',
    /1 bytes that are not wasm/,
  );
  await rejects(compile('baseline', new Response('')), 'WASM_BLOCKED', /0 bytes that are not wasm/);
  const broken = binaryOf('baseline').subarray(0, 2000);
  await rejects(compile('baseline', broken), 'WASM_BLOCKED', /could not be compiled/);
});

test('readBinary() turns a fetch that fails into WASM_BLOCKED with the cause', () =>
  withServer(
    (request) => request.socket.destroy(),
    async (wasm) => {
      const loading = compile('baseline', wasm);
      const { cause } = await rejects(loading, 'WASM_BLOCKED', /kernels\.wasm/);
      assert.instance(cause, TypeError);
    },
  ));

test('readBinary() says what to do where the kernels of the package cannot be loaded', async () => {
  const { readFile } = fs.promises;
  const inflating = globalThis.DecompressionStream;
  try {
    // no file, and nothing to inflate the embedded bytes with
    Object.assign(fs.promises, { readFile: () => Promise.reject(new Error('ENOENT')) });
    syncBuiltinESMExports();
    Reflect.deleteProperty(globalThis, 'DecompressionStream');
    await rejects(
      compile('baseline'),
      'WASM_BLOCKED',
      /could not be loaded: DecompressionStream .*; give them as "wasm", with "simd": "baseline"$/,
    );
  } finally {
    Object.assign(fs.promises, { readFile });
    syncBuiltinESMExports();
    globalThis.DecompressionStream = inflating;
  }
});

test('a signal ends the request of kernels that do not come', () =>
  withServer(
    (_, response) => response.writeHead(200).write('\0asm'),
    async (wasm) => {
      const controller = new AbortController();
      const loading = loadModel('.', { wasm, simd: 'baseline', signal: controller.signal });
      setTimeout(() => controller.abort(), 50);
      await rejects(loading, 'ABORTED', /loading was aborted/);
    },
  ));

test('readBinary() refuses what is no source', () =>
  assertMistakes(
    ['kernels.wasm', 7, null, {}].map((source) => [
      () => compile('baseline', source as WasmSource),
      TypeError,
      /^"wasm" expected a /,
    ]),
  ));

test.run();
