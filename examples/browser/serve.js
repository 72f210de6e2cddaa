/*
 * A static server for the page, on this machine only: `node serve.js [folder of tpa-wasm]`, the
 * port from PORT or a free one. Any other does as well that sends the same headers.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { findPackage, HERE, modelsOf, standaloneOf } from './places.js';

const PACKAGE = findPackage(process.argv[2]);
const ORT = findOnnxruntime();

/** What lies where, the longest beginning first. */
const FOLDERS = [
  ['/tpa-wasm/', standaloneOf(PACKAGE)],
  ['/models/', modelsOf(PACKAGE)],
  ...(ORT === undefined ? [] : [['/onnxruntime-web/', ORT]]),
  ['/', HERE],
];

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

const HEADERS = {
  // models may be fetched from anywhere; scripts and styles may not, and wasm needs its word
  'content-security-policy':
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src http: https:; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
  // cross-origin isolation: shared memory and exact clocks
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
};

const server = createServer((request, response) => {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  answer(request, response).catch(() => response.destroy());
});
server.on('error', ({ message }) => {
  process.stderr.write(`cannot serve: ${message}\n`);
  process.exitCode = 1;
});
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${server.address().port}/\n`);
});

async function answer(request, response) {
  const { method } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return end(response, 405, 'only GET and HEAD');
  }
  const path = pathOf(request.url);
  if (path === '/places.json') return sendPlaces(response);
  const file = path && fileOf(path);
  const found = file && (await stat(file).catch(() => undefined));
  if (!found?.isFile()) return end(response, 404, 'no such file');
  await sendFile(request, response, file, found);
}

/** Where the page finds what is optional. */
function sendPlaces(response) {
  const module = ORT && 'onnxruntime-web/ort.webgpu.bundle.min.mjs';
  response.setHeader('content-type', TYPES['.json']);
  response.end(JSON.stringify({ onnxruntime: module }));
}

async function sendFile({ method, headers }, response, file, { size, mtimeMs }) {
  const tag = `"${size}-${mtimeMs}"`;
  response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('etag', tag);
  const isSame = [undefined, tag].includes(headers['if-range']);
  const range = method === 'GET' && isSame ? rangeOf(headers.range, size) : undefined;
  if (range !== undefined && range.start > range.end) {
    response.setHeader('content-range', `bytes */${size}`);
    return end(response, 416, 'no such range');
  }
  const { start, end: last } = range ?? { start: 0, end: size - 1 };
  if (range !== undefined) response.setHeader('content-range', `bytes ${start}-${last}/${size}`);
  response.setHeader('content-length', last + 1 - start);
  response.writeHead(range === undefined ? 200 : 206);
  if (method === 'HEAD' || size === 0) return response.end();
  await pipeline(createReadStream(file, { start, end: last }), response);
}

/** One range of bytes, `start > end` if there is none of it; undefined where all is asked for. */
function rangeOf(header, size) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === undefined || (first === '' && last === '')) return undefined;
  if (first === '') return { start: Math.max(0, size - Number(last)), end: size - 1 };
  if (last !== '' && Number(last) < Number(first)) return undefined;
  return { start: Number(first), end: Math.min(size - 1, last === '' ? Infinity : Number(last)) };
}

/** The path of an address, without its escapes; undefined where they are no text. */
function pathOf(url) {
  try {
    return decodeURIComponent(url.split('?')[0]);
  } catch {
    return undefined;
  }
}

/** The file of a path; undefined where it would lie outside the folders. */
function fileOf(path) {
  const [prefix, folder] = FOLDERS.find(([beginning]) => path.startsWith(beginning)) ?? [];
  if (prefix === undefined || path.includes('\0')) return undefined;
  const file = resolve(folder, `./${path.slice(prefix.length) || 'index.html'}`);
  return file.startsWith(folder + sep) ? file : undefined;
}

/** Its folder of files for browsers, where the package or the page can import it. */
function findOnnxruntime() {
  try {
    return dirname(createRequire(join(PACKAGE, 'package.json')).resolve('onnxruntime-web/webgpu'));
  } catch {
    return undefined;
  }
}

function end(response, status, text) {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}
