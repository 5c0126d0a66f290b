import { resolve } from 'node:path'
import { defineConfig, type Plugin } from 'vite'
import { readVersion } from '../service/version.ts'
import { swaggerUiFiles } from './swagger-ui-files.ts'

const root = resolve(import.meta.dirname, '..')

/** The folder is run where no package around it says what its files are. */
const moduleFolder: Plugin = {
  name: 'module-folder',
  generateBundle() {
    this.emitFile({ type: 'asset', fileName: 'package.json', source: '{ "type": "module" }\n' })
  },
}

// The service as plain files for the pinned Node.js, with everything inside but the two native modules. It runs the same
// on an edge device and inside the desktop app.
export default defineConfig({
  root,
  plugins: [swaggerUiFiles(), moduleFolder],
  define: {
    R_EMS_VERSION: JSON.stringify(readVersion(root)),
    // What is handed to customers; without it, the build is one for development.
    R_EMS_PRODUCTION: JSON.stringify(process.env['R_EMS_PRODUCTION'] === '1'),
  },
  ssr: { target: 'node', noExternal: true, external: ['better-sqlite3', 'serialport'] },
  build: {
    ssr: true,
    ssrEmitAssets: true,
    target: 'node24',
    outDir: process.env['R_EMS_OUT'] ?? resolve(root, 'out', `${process.env['R_EMS_BUILD_PREFIX'] ?? ''}service`),
    emptyOutDir: true,
    sourcemap: true,
    minify: false,
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: {
        'r-emsd': resolve(root, 'service/main.ts'),
        'r-emsctl': resolve(root, 'service/cli.ts'),
        'storage-worker': resolve(root, 'service/storage/worker.ts'),
        'map-worker': resolve(root, 'service/mapimport/worker.ts'),
        plant: resolve(root, 'service/plant.ts'),
      },
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunk-[name]-[hash].js' },
    },
  },
})
