import { testCheckpoints } from '../helpers/checkpoint-model.ts';
import { LLAMA_VARIANTS } from '../helpers/llama-model.ts';
import { llamaLogits } from '../reference/llama.ts';

testCheckpoints('LLaMA-family checkpoints', LLAMA_VARIANTS, llamaLogits);
