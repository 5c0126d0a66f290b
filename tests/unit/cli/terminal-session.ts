import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../../..')
export const hasTerminal = spawnSync('socat', ['-V']).status === 0

export interface TerminalSession extends AsyncDisposable {
  /** Waits until the program has printed this, behind what was waited for before. */
  sees(text: string): Promise<void>
  /** Types a line. */
  type(line: string): void
  press(key: 'Ctrl-C'): void
  /** Waits for a question and types the answer. */
  answer(question: string, line: string): Promise<void>
  /** Takes the line away, as a serial console that is pulled out. */
  hangUp(): Promise<void>
  /** Exit code of the program. */
  readonly ended: Promise<number | null>
  output(): string
}

/** r-emsctl in a pseudo terminal, as a person has it. */
export function openTerminal(args: readonly string[], environment: NodeJS.ProcessEnv = {}): TerminalSession {
  const command = [process.execPath, resolve(root, 'service/cli.ts'), ...args].join(' ')
  const child = spawn('socat', ['-t', '0.2', 'STDIO', `EXEC:"${command}",pty,setsid,ctty,stderr,echo=0`], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, TERM: 'dumb', R_EMS_API_PORT: '0', ...environment },
    detached: true,
  })
  let output = ''
  let from = 0
  let wake: () => void = () => undefined
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      wake()
    })
  const ended = once(child, 'close').then(() => {
    wake()
    return child.exitCode
  })
  let over = false
  void ended.then(() => (over = true))

  async function sees(text: string): Promise<void> {
    for (;;) {
      const at = output.indexOf(text, from)
      if (at >= 0) {
        from = at + text.length
        return
      }
      if (over) throw new Error(`the program ended without "${text}"; it said:\n${output.slice(-1500)}`)
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  const type = (line: string): void => void child.stdin.write(`${line}\n`)
  return {
    sees,
    type,
    press: () => void child.stdin.write('\u0003'),
    async answer(question, line) {
      await sees(question)
      type(line)
    },
    async hangUp() {
      if (child.pid !== undefined && !over) process.kill(-child.pid, 'SIGKILL')
      await ended
    },
    ended,
    output: () => output,
    async [Symbol.asyncDispose]() {
      child.kill()
      await ended
    },
  }
}
