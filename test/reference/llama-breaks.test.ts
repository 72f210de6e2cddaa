import { suite } from 'uvu';
import { LLAMA_VARIANTS } from '../helpers/llama-model.ts';
import { createRandom } from '../helpers/random.ts';
import { assertBreaks } from '../helpers/visible-breaks.ts';
import { LLAMA_BREAKS } from './llama-breaks.ts';
import { llamaLogits } from './llama.ts';

const test = suite('llamaLogits({ break })');

/** Longer than the widest window, 6. */
const IDS = [...createRandom(5).uniform(9, 0, 97)].map(Math.floor);

for (const { name, config, breaks, build } of LLAMA_VARIANTS) {
  test(`${name}: ${breaks.length} broken conventions move logits by 100 tolerances, no other does`, () => {
    const { tensors } = build();
    assertBreaks(
      (broken) => llamaLogits(config, tensors, IDS, broken && { break: broken }),
      LLAMA_BREAKS,
      breaks,
    );
  });
}

test.run();
