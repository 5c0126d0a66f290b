import vue from '@vitejs/plugin-vue'
import type { UserConfig } from 'vite'

/** Build of the web UI. Paths are relative to the repository root, where every command runs. */
export const rendererConfig: UserConfig = {
  root: 'renderer',
  // Relative addresses work under http://HOST/ and under app:// alike.
  base: './',
  plugins: [vue()],
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
  },
  build: {
    outDir: '../out/renderer',
    emptyOutDir: true,
    target: 'es2024',
    // The policy is default-src 'self': nothing may be inlined as data:.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: 'renderer/index.html' },
  },
}
