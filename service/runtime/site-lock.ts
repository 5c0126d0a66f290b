import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { realpath } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { EdgeError } from '#contract/errors.ts'

const askMs = 1_000
const longestAnswer = 500

/**
 * Holds a site for this process, whatever data folder it uses (S9): a name of a local socket that only one process can have. The
 * operating system takes it back with the process however that ends, so that nothing stale is ever left. Rejects with
 * site.running and says who holds it.
 */
export async function lockSite(siteFile: string, about: string): Promise<AsyncDisposable> {
  const file = await realpath(siteFile)
  const name = `r-ems-site-${createHash('sha256').update(file).digest('hex').slice(0, 32)}`
  // Neither has a file: the abstract names of Linux, and named pipes.
  const path = process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : `\0${name}`
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.end(about.slice(0, longestAnswer))
  })
  server.unref()
  try {
    server.listen(path)
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    const holder = await askHolder(path)
    throw new EdgeError('site.running', `the site ${file} is run by another service${holder && `: ${holder}`}`, {
      cause: error,
    })
  }
  return {
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}

async function askHolder(path: string): Promise<string> {
  const socket = connect(path)
  socket.setEncoding('utf8').setTimeout(askMs, () => socket.destroy())
  let said = ''
  try {
    for await (const part of socket) {
      said += String(part)
      if (said.length > longestAnswer) break
    }
  } catch {
    // It may have ended in the meantime; the name is all there is then.
  }
  return said.slice(0, longestAnswer).replaceAll(/[^\x20-\x7E]/g, ' ')
}
