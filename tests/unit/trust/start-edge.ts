import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { temporaryFolder } from './pki.ts'

const ready = z.object({ port: z.number() })
const reply = z.object({ id: z.number(), result: z.unknown().optional(), error: z.string().optional() })

export interface EdgeProcess {
  readonly port: number
  readonly folder: string
  /** Everything that it has written, so far. */
  output(): string
  ask(name: string, more?: { text?: string; ms?: number }): Promise<unknown>
}

/** Starts an edge as a process of its own; it ends with the test. */
export async function startEdge({
  clientCertificates = 'optional',
  clockOffsetMs = 0,
}: { clientCertificates?: 'optional' | 'required'; clockOffsetMs?: number } = {}): Promise<EdgeProcess> {
  const folder = join(temporaryFolder(), 'trust')
  const builtAtMs = String(Date.now() - 200 * 86_400_000)
  const child = fork(
    join(import.meta.dirname, 'edge-process.ts'),
    [folder, builtAtMs, clientCertificates, String(clockOffsetMs)],
    {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (output += text))
  onTestFinished(async () => {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  })
  const first = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error(output))),
  ])
  const { port } = ready.parse(first[0])
  let asked = 0
  return {
    port,
    folder,
    output: () => output,
    ask(name, more = {}) {
      const id = (asked += 1)
      return new Promise((resolve, reject) => {
        const listen = (message: unknown): void => {
          const parsed = reply.parse(message)
          if (parsed.id !== id) return
          child.off('message', listen)
          if (parsed.error === undefined) resolve(parsed.result)
          else reject(new Error(parsed.error))
        }
        child.on('message', listen)
        child.send({ id, name, ...more })
      })
    },
  }
}
