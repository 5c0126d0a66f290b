import { access } from 'node:fs/promises'
import { join } from 'node:path'
import staticFiles from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Checked before anything is decoded: no spelling of "..", a separator or a hidden file fits. */
const segment = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/

const notBuilt = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>R-EMS</title></head>
<body>
<h1>The user interface is not built</h1>
<p>The service itself runs. Build the user interface with <code>npm run build</code>, then reload this page.</p>
<p><a href="/docs">API documentation</a></p>
</body>
</html>
`

/**
 * Serves the files of the renderer build in `folder`. Addresses of screens (without an extension, asked for as a page)
 * get the one page there is. The folder may appear later.
 */
export async function installWebUi(app: FastifyInstance, folder: string | undefined): Promise<void> {
  if (folder !== undefined)
    await app.register(staticFiles, { root: folder, serve: false, cacheControl: false, dotfiles: 'deny' })

  async function sendPage(reply: FastifyReply): Promise<FastifyReply> {
    const built =
      folder !== undefined &&
      (await access(join(folder, 'index.html')).then(
        () => true,
        () => false,
      ))
    if (built) return reply.header('cache-control', 'no-cache').sendFile('index.html')
    return reply.code(503).type('text/html; charset=utf-8').send(notBuilt)
  }

  app.get('/*', { config: { access: 'public' }, schema: { hide: true } }, async (request: FastifyRequest, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/'
    if (path === '/' || path === '/index.html') return sendPage(reply)
    const segments = path.slice(1).split('/')
    if (segments[0] === 'api' || !segments.every((name) => segment.test(name))) return reply.callNotFound()
    if (!segments.at(-1)?.includes('.'))
      return request.headers.accept?.includes('text/html') ? sendPage(reply) : reply.callNotFound()
    if (folder === undefined) return reply.callNotFound()
    // The build names everything under assets/ by its content.
    const lasting = segments[0] === 'assets' ? 'public, max-age=31536000, immutable' : 'no-cache'
    return reply.header('cache-control', lasting).sendFile(path.slice(1))
  })
}
