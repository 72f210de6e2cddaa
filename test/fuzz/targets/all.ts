import type { Target } from '../target.ts';
import { CONFIG } from './config.ts';
import { GGUF, GGUF_PARTS, SAFETENSORS, TORCH } from './files.ts';
import { GGUF_BLOCKS } from './gguf-blocks.ts';
import { HUB } from './hub.ts';
import { LORA } from './lora.ts';
import { MESSAGES } from './messages.ts';
import { PATTERN } from './pattern.ts';
import { SNAPSHOT } from './snapshot.ts';
import { TEMPLATE } from './template.ts';
import { TOKENIZER } from './tokenizer.ts';

/** All that `npm run fuzz` runs. */
export const TARGETS: readonly Target[] = [
  TOKENIZER,
  PATTERN,
  TEMPLATE,
  CONFIG,
  MESSAGES,
  SAFETENSORS,
  GGUF,
  GGUF_PARTS,
  GGUF_BLOCKS,
  TORCH,
  HUB,
  LORA,
  SNAPSHOT,
];
