import * as assert from 'uvu/assert';
import { type Checks, refusedWith, sha256 } from './check.ts';

const PROMPT = 'Once upon a time, in the middle of winter,';
const OPTIONS = { temperature: 0.8, maxTokens: 24 } as const;

/** In place of the model's own. */
const TEMPLATE =
  '{% for message in messages %}{{ message.role | upper }}: {{ message.content | trim }}\n' +
  '{% endfor %}{% if add_generation_prompt %}THE FOX: {% endif %}';

/** Seeded text, which is the same in every runtime on the baseline binary. */
export const generationChecks: Checks = {
  'a seed gives the same tokens everywhere, baseline': async ({ model, record }) => {
    for (const seed of [1, 7, 42]) {
      using session = model.createSession();
      const generation = session.generate(PROMPT, { ...OPTIONS, seed });
      const text = await generation.text();
      assert.is(generation.finishReason, 'length');
      assert.is(model.tokenizer!.decode(session.tokens, { skipSpecial: true }), PROMPT + text);
      record(`tokens of seed ${seed}`, generation.tokens);
    }
  },
  'logits and scores have the same bits everywhere, baseline': async ({ model, record }) => {
    const ids = model.tokenizer!.encode(PROMPT);
    record('sha256 of prefill', await sha256(await model.logits(ids)));
    record('sha256 of scores', await sha256(await model.score(ids)));
    using session = model.createSession();
    let logits = await session.prefill(ids.slice(0, 1));
    for (const id of ids.slice(1)) logits = await session.decode(id);
    record('sha256 of decode', await sha256(logits));
  },
  'codes widened or rounded anew, and floats rounded, give the same bits everywhere, baseline':
    async ({ tpa, assets, record }) => {
      for (const dtype of ['f32', 'q4'] as const) {
        using model = await tpa.loadModel(assets.shipped.source, { simd: 'baseline', dtype });
        assert.is(model.info().dtype, dtype);
        const ids = model.tokenizer!.encode(PROMPT);
        record(`sha256 of ${dtype}`, await sha256(await model.logits(ids)));
        const generation = model.createSession().generate(PROMPT, { ...OPTIONS, seed: 7 });
        await generation.text();
        record(`tokens of ${dtype}`, generation.tokens);
      }
      const { source, ids } = assets.models[0]!;
      for (const dtype of ['q8', 'q4'] as const) {
        using model = await tpa.loadModel(source, { simd: 'baseline', dtype });
        assert.is(model.info().dtype, dtype);
        record(`sha256 of floats as ${dtype}`, await sha256(await model.logits(ids)));
      }
    },
  "a chat template writes the conversation, the model's own or another": async (subject) => {
    const { model, record } = subject;
    const messages = [{ role: 'user', content: ' Who are you? ' }];
    const ask = async (how: object): Promise<string> => {
      using session = model.createSession();
      const options = { ...OPTIONS, maxTokens: 8, seed: 3 };
      const generation = session.generate({ messages, ...how }, options);
      await generation.text();
      record(`tokens of the conversation${Object.keys(how).join()}`, generation.tokens);
      return model.tokenizer!.decode(session.tokens.slice(0, -generation.tokens.length));
    };
    assert.is(await ask({}), '<s> Who are you?\n');
    assert.is(await ask({ chatTemplate: TEMPLATE }), 'USER: Who are you?\nTHE FOX: ');
  },
  'a fork goes on by itself, a truncated session goes back': async (subject) => {
    const { model } = subject;
    const greedy = { temperature: 0, maxTokens: 6 };
    using session = model.createSession();
    await session.generate(PROMPT, greedy).text();
    const before = session.tokens;
    using fork = session.fork();
    await fork.generate(' Then the wolf', greedy).text();
    assert.equal(session.tokens, before);
    assert.equal(fork.tokens.slice(0, before.length), before);

    const again = session.generate('', greedy);
    await again.text();
    session.truncate(before.length);
    const repeated = session.generate('', greedy);
    await repeated.text();
    assert.equal(repeated.tokens, again.tokens);
    fork.dispose();
    await refusedWith(subject, 'DISPOSED', () => fork.generate('x'));
  },
};
