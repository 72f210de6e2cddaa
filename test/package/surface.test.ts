import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

const test = suite('what is published');

test('declarations have no any, and a map to the source each', () => {
  const declarations = filesOf('.d.ts').filter((file) => file.startsWith('types/'));
  assert.ok(declarations.length > 100);
  for (const file of declarations) {
    assert.not.match(withoutComments(read(file)), /\bany\b/, file);
    assert.ok(read(file).includes('sourceMappingURL='), file);
  }
});

test('scripts make no code from text and fetch none', () => {
  const scripts = filesOf('.js');
  assert.ok(scripts.length > 20);
  for (const file of scripts) {
    assert.not.match(read(file), /\beval\(|new Function\b|\bFunction\(|importScripts\(/, file);
    assert.not.match(
      read(file),
      /https?:\/\/[\w.-]*(cdn|unpkg|jsdelivr|esm\.sh|huggingface)/,
      file,
    );
  }
});

test('every file that package.json names is there', () => {
  const json = JSON.parse(readFileSync(`${DIST}../package.json`, 'utf8')) as object;
  const named = [...JSON.stringify(json).matchAll(/"\.\/(dist|src)\/([^"]+)"/g)];
  assert.ok(named.length > 10);
  for (const [, folder, path] of named) {
    assert.ok(readFileSync(`${DIST}../${folder}/${path}`).length > 0, path);
  }
});

test.run();

function filesOf(extension: string): string[] {
  return readdirSync(DIST, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith(extension),
  );
}

function read(file: string): string {
  return readFileSync(`${DIST}${file}`, 'utf8');
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
}
