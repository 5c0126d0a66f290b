import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createRequire } from 'node:module'
import type { Plugin } from 'vite'

const folderModule = 'virtual:bundle-folder'
const packageFolder = dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui'))

/** How the package finds its files, per module of it, and how it does inside a bundle, where it has no folder of its own. */
const lookups = [
  {
    file: join(packageFolder, 'index.js'),
    from: "path.join(__dirname, './static/logo.svg')",
    to: `path.join(require('${folderModule}').folder, 'swagger-ui/logo.svg')`,
  },
  {
    file: join(packageFolder, 'lib/routes.js'),
    from: "path.join(__dirname, '..', 'static')",
    to: `path.join(require('${folderModule}').folder, 'swagger-ui')`,
  },
]

/** Puts the static files of @fastify/swagger-ui beside the bundle and points the package there. */
export function swaggerUiFiles(): Plugin {
  return {
    name: 'swagger-ui-files',
    enforce: 'pre',
    resolveId: (id) => (id === folderModule ? `\0${folderModule}` : undefined),
    load: (id) => (id === `\0${folderModule}` ? 'export const folder = import.meta.dirname' : undefined),
    transform(code, id) {
      const lookup = lookups.find(({ file }) => file === id)
      if (!lookup) return undefined
      if (!code.includes(lookup.from)) this.error(`@fastify/swagger-ui has changed: ${id} has no ${lookup.from}`)
      return { code: code.replace(lookup.from, lookup.to), map: null }
    },
    generateBundle() {
      const folder = join(packageFolder, 'static')
      for (const file of readdirSync(folder))
        this.emitFile({ type: 'asset', fileName: `swagger-ui/${file}`, source: readFileSync(join(folder, file)) })
    },
  }
}
