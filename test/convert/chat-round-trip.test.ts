import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tpa } from '../../src/cli/tpa.ts';
import { loadModel } from '../../src/index.ts';
import { chatGguf } from '../helpers/files/chat-gguf.ts';
import { fakeHost } from '../helpers/fakes/fake-host.ts';
import { byteLevelMetadata, sentencePieceMetadata } from '../helpers/files/gguf-vocabulary.ts';

const TEXTS = [
  'the the',
  ' the',
  '   the  ',
  '\n\n the',
  'été 漢字',
  '\u{1f600}\u{1f468}\u200d\u{1f469}',
  '<s></s>',
  '<|begin|>',
  '\u0000',
  '<0x41>',
];

for (const [label, metadata, bos] of [
  ['gpt2', byteLevelMetadata(), 259],
  ['llama', sentencePieceMetadata(), 1],
] as const) {
  const test = suite(`a converted ${label} vocabulary`);
  const root = await mkdtemp(join(tmpdir(), 'tpa-chat-trip-'));
  const out = join(root, 'out');

  test.before(async () => {
    await writeFile(join(root, 'model.gguf'), chatGguf(metadata));
    const host = fakeHost();
    assert.is(await tpa(['convert', join(root, 'model.gguf'), '--out', out], host), 0, host.err());
  });
  test.after(() => rm(root, { recursive: true }));

  test('the files are those of Hugging Face, and text comes back as it was', async () => {
    assert.equal((await readdir(out)).toSorted(), [
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    using model = await loadModel(out, { simd: 'baseline' });
    const { tokenizer } = model;
    for (const text of TEXTS) {
      const ids = tokenizer!.encode(text);
      assert.is(tokenizer!.decode(ids), text, JSON.stringify(text));
      assert.not(ids.includes(bos), `${JSON.stringify(text)} stays text`);
    }
  });

  test('generate({ messages }) begins with the tokens of the template', async () => {
    using model = await loadModel(out, { simd: 'baseline' });
    using session = model.createSession();
    const messages = [{ role: 'user', content: 'the <s><|begin|> the' }];
    const generation = session.generate({ messages }, { temperature: 0, maxTokens: 4 });
    await generation.text();
    const prompt = session.tokens.slice(0, session.length - generation.tokens.length);
    const { specialTokens } = model.tokenizer!;
    const turn = specialTokens.get('<|turn|>')!;
    const special = prompt.filter((id) => [...specialTokens.values()].includes(id));
    assert.equal(special, [bos, turn, bos + 1, turn]);
    assert.equal(prompt.slice(0, 2), [bos, turn]);
  });

  test.run();
}
