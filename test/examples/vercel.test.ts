import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { firstLine } from '../helpers/servers/first-line.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/vercel-node', import.meta.url));
/** A function that tells what it was asked. */
const ECHO = `export const GET = async ({ method, url }) => new Response(method + ' ' + url);
export const POST = async (request) => new Response(await request.text());`;

const test = suite('the server of the Vercel example');
let folder: string;
let server: ChildProcess;
let address: URL;

test.before(async () => {
  folder = mkdtempSync(`${tmpdir()}/tpa-vercel-`);
  for (const file of ['package.json', 'server.js'])
    cpSync(`${EXAMPLE}/${file}`, `${folder}/${file}`);
  mkdirSync(`${folder}/api`);
  writeFileSync(`${folder}/api/generate.js`, ECHO);
  server = spawn(process.execPath, [`${folder}/server.js`], { env: { PORT: '0' } });
  address = new URL((await firstLine(server)).replace('listening on ', ''));
});

test.after(() => {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
});

test('answers with what the function answers', async () => {
  assert.is(await (await fetch(address)).text(), 'GET http://localhost/api/generate');
  assert.is(await (await fetch(address, { method: 'POST', body: 'text' })).text(), 'text');
});

test('refuses what is no request for the function, and goes on', async () => {
  assert.match(await raw('TRACE / HTTP/1.1'), /^HTTP\/1\.1 405/);
  assert.match(await raw('PUT / HTTP/1.1'), /^HTTP\/1\.1 405/);
  assert.match(await raw('GET // HTTP/1.1'), /^HTTP\/1\.1 400/);
  assert.match(await raw('POST http://[ HTTP/1.1'), /^HTTP\/1\.1 400/);
  assert.is((await fetch(address)).status, 200);
});

test('Vercel is not told to end a function that does not say what it still has to do', () => {
  const cancels = textOf('vercel.json').includes('supportsCancellation');
  assert.is(cancels, textOf('api/generate.js').includes('waitUntil'));
});

test.run();

function textOf(file: string): string {
  return readFileSync(`${EXAMPLE}/${file}`, 'utf8');
}

/** The answer to a request line that `fetch` would not send. */
function raw(line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(address.port), '127.0.0.1', () => {
      socket.end(`${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    });
    let answer = '';
    socket.setTimeout(60_000, () => socket.destroy(new Error(`no answer to ${line}`)));
    socket.on('data', (data) => (answer += String(data)));
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}
