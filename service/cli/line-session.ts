import { createInterface } from 'node:readline'
import type { LineSession } from './terminal.ts'

/** Asks on the standard error, reads from the standard input. */
export function openLines(signal: AbortSignal): LineSession {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const typed: string[] = []
  let waiting: ((line: string | undefined) => void) | undefined
  let ended = false
  const answer = (line: string | undefined): void => {
    const resolve = waiting
    waiting = undefined
    if (resolve) resolve(line)
    else if (line !== undefined) typed.push(line)
  }
  const end = (): void => {
    ended = true
    answer(undefined)
  }
  lines.on('line', answer)
  lines.once('close', end)
  // In a terminal, Ctrl-C is a key until somebody makes it a signal.
  lines.once('SIGINT', () => lines.close())
  signal.addEventListener('abort', () => lines.close(), { once: true })

  return {
    ask(question) {
      process.stderr.write(question)
      const line = typed.shift()
      if (line !== undefined || ended) return Promise.resolve(line)
      return new Promise((resolve) => (waiting = resolve))
    },
    [Symbol.dispose]: () => lines.close(),
  }
}
