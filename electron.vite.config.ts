import { defineConfig } from 'electron-vite'
import { resolve } from 'node:path'
import { rendererConfig } from './renderer/vite.ts'
import { readVersion } from './service/version.ts'

const root = import.meta.dirname
/** build.mjs builds into folders beside the real ones and puts them in place when they are complete. */
const out = (folder: string) => resolve(root, 'out', `${process.env['R_EMS_BUILD_PREFIX'] ?? ''}${folder}`)

// Both are CommonJS: a sandboxed preload script must be. Nothing but Electron and Node.js stays outside the bundles.
const shell = {
  main: {
    define: { R_EMS_BUILT_AT_MS: JSON.stringify(readVersion(root).builtAtMs) },
    build: {
      outDir: out('main'),
      emptyOutDir: true,
      externalizeDeps: false,
      sourcemap: true,
      lib: { entry: resolve(root, 'main/index.ts'), formats: ['cjs' as const] },
    },
  },
  preload: {
    build: {
      outDir: out('preload'),
      emptyOutDir: true,
      externalizeDeps: false,
      lib: { entry: resolve(root, 'preload/index.ts'), formats: ['cjs' as const] },
    },
  },
}

// One build of the user interface serves the app and the service.
const renderer = {
  ...rendererConfig,
  root: resolve(root, 'renderer'),
  build: {
    ...rendererConfig.build,
    outDir: out('renderer'),
    minify: true,
    rolldownOptions: { ...rendererConfig.build?.rolldownOptions, checks: { pluginTimings: false } },
  },
}

/** build.mjs builds only what is stale and names it here; without a name everything is built. */
const parts = { renderer: { renderer }, desktop: shell }
const wanted = process.env['R_EMS_BUNDLE']

export default defineConfig(wanted === 'renderer' || wanted === 'desktop' ? parts[wanted] : { ...shell, renderer })
