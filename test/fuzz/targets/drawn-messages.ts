import type { Draw } from '../draw.ts';

/** A turn of a conversation. */
export interface DrawnMessage {
  readonly role: string;
  readonly content: string;
}

/** Turns that together have at most `max` characters. */
export function drawMessages(draw: Draw, max: number, words?: readonly string[]): DrawnMessage[] {
  const count = draw.chance(0.9) ? draw.integer(1, 4) : draw.integer(1, 30);
  return Array.from({ length: count }, () => ({
    role: draw.chance(0.95)
      ? draw.pick(['user', 'assistant', 'system', 'tool'])
      : `r${draw.text(20, words)}`,
    content: draw.text(Math.floor(max / count), words).replaceAll(/\p{Surrogate}/gu, '\uFFFD'),
  }));
}
