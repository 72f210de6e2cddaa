import { testCheckpoints } from '../helpers/models/checkpoint-model.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { llamaLogits } from '../reference/llama.ts';

testCheckpoints('LLaMA-family checkpoints', LLAMA_VARIANTS, llamaLogits);
