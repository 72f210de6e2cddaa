import { suite } from 'uvu';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { assertBreaks } from '../helpers/checks/visible-breaks.ts';
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
