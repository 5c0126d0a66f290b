import type { ListenFrame } from './types.ts'

/** Takes what the decoders find, in order. */
export interface FrameSink {
  /** The number of the next frame. */
  readonly next: number
  frame(frame: ListenFrame): void
  pair(request: ListenFrame, answer: ListenFrame): void
  unanswered(request: ListenFrame): void
}

/** Turns the chunks of one bus, or of one conversation, into frames. */
export interface Decoder {
  push(bytes: Uint8Array, atMs: number, from?: 'client' | 'server'): void
  /** The capture lacks bytes of this side. */
  gap(from?: 'client' | 'server'): void
  quiet(): void
  end(): void
  /** Bytes that are held because they may become a frame. */
  readonly held: number
}

const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function hexOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += digits[byte]!
  return text
}
