import { assertAllowed, type Access } from './access.ts'

/** Bytes to and from a socket or a serial port. */
export interface ByteStream {
  write(bytes: Buffer): void
  /** Closes without a `closed` event. */
  close(): void
}

export interface StreamEvents {
  /** The chunk is valid only during the call. */
  data(chunk: Buffer): void
  /** The other side, the operating system or the cable ended it. Comes at most once. */
  closed(reason: string): void
}

/** One frame, for a log. `discarded`: bytes that were no answer to anything. */
export interface FrameEvent {
  readonly direction: 'sent' | 'received' | 'discarded'
  readonly bytes: Buffer
}

export interface Wire {
  /** Queues one frame for `flush`. Throws, before anything is sent, when the access does not carry it. */
  send(frame: Buffer): void
  /** Hands what was queued to the stream, in one piece. */
  flush(): void
  close(): void
}

export interface WireOptions {
  readonly stream: ByteStream
  readonly access: Access
  /** Where the PDU begins in each frame. */
  readonly pduAt: number
}

/** The one place through which bytes reach a bus, and where its access is enforced. */
export function createWire({ stream, access, pduAt }: WireOptions): Wire {
  let queued: Buffer[] = []

  return {
    send(frame) {
      assertAllowed(access, frame, pduAt)
      queued.push(frame)
    },
    flush() {
      if (queued.length === 0) return
      const frames = queued
      queued = []
      stream.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames))
    },
    close() {
      queued = []
      stream.close()
    },
  }
}
