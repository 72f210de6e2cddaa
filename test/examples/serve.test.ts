import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { firstLine } from '../helpers/servers/first-line.ts';

const SERVE = fileURLToPath(new URL('../../examples/browser/serve.js', import.meta.url));
const WEIGHTS = Buffer.from('0123456789');

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const test = suite('the server of the demo page');
let folder: string;
let server: ChildProcess;
let port: number;

test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tpa-serve-'));
  write('package/dist/standalone/index.js', 'export {};');
  write('package/dist/standalone/kernels.wasm', '\0asm');
  write('package/dist/standalone/module.mjs', 'export {};');
  write('package/models/model.gguf', WEIGHTS);
  write('package/models/empty.json', '');
  write('package/secret.txt', 'secret');
  write('package/models-secret/secret.txt', 'secret');
  server = spawn(process.execPath, [SERVE, join(folder, 'package')], { env: { PATH: '' } });
  port = Number(new URL(await firstLine(server)).port);
});

test.after(() => {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
});

test('listens on one address of this machine, on a free port, and says where', async () => {
  assert.ok(port > 0);
  assert.is((await ask('/')).status, 200);
  // Linux has all of 127.0.0.0/8: a server of every address would answer
  const refused = await new Promise((resolve) => {
    connect(port, '127.0.0.2', () => resolve('an answer')).on('error', () => resolve('none'));
  });
  assert.is(refused, 'none');
});

test('serves the page, the package and the model, each with its type', async () => {
  const types = {
    '/': 'text/html; charset=utf-8',
    '/index.html': 'text/html; charset=utf-8',
    '/style.css': 'text/css; charset=utf-8',
    '/main.js': 'text/javascript; charset=utf-8',
    '/icon.svg': 'image/svg+xml',
    '/tpa-wasm/index.js': 'text/javascript; charset=utf-8',
    '/tpa-wasm/kernels.wasm': 'application/wasm',
    '/tpa-wasm/module.mjs': 'text/javascript; charset=utf-8',
    '/models/model.gguf': 'application/octet-stream',
    '/places.json': 'application/json',
  };
  for (const [path, type] of Object.entries(types)) {
    const { status, headers } = await ask(path);
    assert.is(status, 200, path);
    assert.is(headers['content-type'], type, path);
  }
});

test('isolates the page and lets it run its own scripts and styles only', async () => {
  for (const path of ['/', '/page-model.js', '/none']) {
    const { headers } = await ask(path);
    assert.is(headers['cross-origin-opener-policy'], 'same-origin', path);
    assert.is(headers['cross-origin-embedder-policy'], 'require-corp', path);
    const policy = String(headers['content-security-policy']);
    assert.match(policy, "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'");
    assert.match(policy, "style-src 'self';");
    assert.not.match(policy, /unsafe-inline|unsafe-eval'? ?'unsafe|blob:|data:/);
  }
});

test('says that onnxruntime-web is not there where it is not', async () => {
  assert.equal(JSON.parse((await ask('/places.json')).body), {});
  assert.is((await ask('/onnxruntime-web/ort.webgpu.bundle.min.mjs')).status, 404);
});

test('sends ranges of bytes', async () => {
  const ranges = [
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-2', '89', 'bytes 8-9/10'],
    ['bytes=-99', '0123456789', 'bytes 0-9/10'],
    ['bytes=8-99', '89', 'bytes 8-9/10'],
  ] as const;
  for (const [range, body, told] of ranges) {
    const answer = await ask('/models/model.gguf', { range });
    assert.is(answer.status, 206, range);
    assert.is(answer.body, body, range);
    assert.is(answer.headers['content-range'], told, range);
    assert.is(answer.headers['content-length'], String(body.length), range);
  }
});

test('refuses ranges that lie outside, ignores what is no range or several', async () => {
  for (const range of ['bytes=10-', 'bytes=-0']) {
    const { status, headers } = await ask('/models/model.gguf', { range });
    assert.is(status, 416, range);
    assert.is(headers['content-range'], 'bytes */10', range);
  }
  for (const range of ['bytes=4-2', 'bytes=-', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=a-b']) {
    const { status, body } = await ask('/models/model.gguf', { range });
    assert.is(status, 200, range);
    assert.is(body, String(WEIGHTS), range);
  }
});

test('sends the whole file where If-Range names another, an empty file, and HEAD without a body', async () => {
  const weights = '/models/model.gguf';
  const { status, headers, body } = await ask(weights, {}, 'HEAD');
  assert.equal([status, headers['content-length'], body], [200, '10', '']);
  const statusOf = async (etag: string) =>
    (await ask(weights, { range: 'bytes=2-4', 'if-range': etag })).status;
  assert.equal([await statusOf(headers.etag!), await statusOf('"other"')], [206, 200]);
  const empty = await ask('/models/empty.json');
  assert.equal([empty.status, empty.headers['content-length'], empty.body], [200, '0', '']);
  const refused = await ask('/', {}, 'POST');
  assert.equal([refused.status, refused.headers.allow], [405, 'GET, HEAD']);
});

test('has nothing outside its folders', async () => {
  const paths = [
    '/none',
    '//',
    '/%',
    '/models',
    '/models/',
    '/models/%00',
    '/models/none.json',
    '/tpa-wasm/',
    '/../package.json',
    '/models/../../secret.txt',
    '/models/..%2f..%2fsecret.txt',
    '/models/%2e%2e/%2e%2e/secret.txt',
    '/models/..%5c..%5csecret.txt',
    '/models/..%2fmodels-secret/secret.txt',
    `/models/${encodeURIComponent(join(folder, 'package/secret.txt'))}`,
  ];
  for (const path of paths) {
    const { status, body } = await ask(path);
    assert.is(status, 404, path);
    assert.not.match(body, 'secret', path);
  }
  assert.match(await raw('GET http://other/models/../../secret.txt HTTP/1.1'), /^HTTP\/1\.1 404/);
});

test('serves the package that is installed beside it', async () => {
  write('copy/node_modules/tpa-wasm/dist/standalone/index.js', 'export {};');
  write('copy/node_modules/tpa-wasm/models/t6-stories.gguf', '');
  cpSync(dirname(SERVE), join(folder, 'copy'), { recursive: true });
  write('copy/package.json', '{ "type": "module" }');
  const copy = spawn(process.execPath, [join(folder, 'copy/serve.js')], { env: { PATH: '' } });
  try {
    const address = await firstLine(copy);
    for (const path of ['tpa-wasm/index.js', 'models/t6-stories.gguf']) {
      assert.is((await fetch(address + path)).status, 200, path);
    }
  } finally {
    copy.kill();
  }
});

test('ends with one line where the port is taken', async () => {
  const env = { PATH: '', PORT: String(port) };
  const second = spawn(process.execPath, [SERVE, join(folder, 'package')], { env });
  let said = '';
  second.stderr.on('data', (data) => (said += String(data)));
  const [code] = await once(second, 'close', { signal: AbortSignal.timeout(60_000) });
  assert.is(code, 1);
  assert.match(said, /^cannot serve: .*EADDRINUSE.*\n$/);
});

test.run();

function write(path: string, content: string | Buffer): void {
  const file = join(folder, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, content);
}

/** As it is: `fetch` would resolve the dots. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, headers, method }, (response) => {
      let body = '';
      response.on('data', (data) => (body += String(data)));
      response.on('end', () => {
        resolve({ status: response.statusCode!, headers: response.headers, body });
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** The answer to a request line that node would not send. */
function raw(line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`${line}\r\nHost: other\r\nConnection: close\r\n\r\n`);
    });
    let answer = '';
    socket.on('data', (data) => (answer += String(data)));
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}
