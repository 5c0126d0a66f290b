import { createRouter, createWebHashHistory } from 'vue-router'

/** Addresses after # work when served, under app:// and without help of the server. */
export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/', redirect: '/site' },
    { path: '/site', name: 'site', component: () => import('./screens/site/SiteScreen.vue') },
    { path: '/bus/:device?/:point?', name: 'bus', component: () => import('./screens/bus/BusScreen.vue') },
    { path: '/maps/:maker?/:model?', name: 'maps', component: () => import('./screens/maps/MapsScreen.vue') },
    { path: '/limits', name: 'limits', component: () => import('./screens/limits/LimitsScreen.vue') },
    { path: '/scan/:port?', name: 'scan', component: () => import('./screens/bus/scan/ScanScreen.vue') },
    { path: '/listen/:job?', name: 'listen', component: () => import('./screens/bus/listen/ListenScreen.vue') },
    { path: '/registers', name: 'registers', component: () => import('./screens/bus/registers/RegisterScreen.vue') },
    { path: '/frames', name: 'frames', component: () => import('./screens/bus/frames/FrameScreen.vue') },
    { path: '/checks', name: 'checks', component: () => import('./screens/checks/ChecksScreen.vue') },
    { path: '/health', name: 'health', component: () => import('./screens/bus/health/HealthScreen.vue') },
    { path: '/handover', name: 'handover', component: () => import('./screens/handover/HandoverScreen.vue') },
    { path: '/log', name: 'log', component: () => import('./screens/log/LogScreen.vue') },
    { path: '/deploy', name: 'deploy', component: () => import('./screens/deploy/DeployScreen.vue') },
    { path: '/backup', name: 'backup', component: () => import('./screens/backup/BackupScreen.vue') },
    { path: '/license', name: 'license', component: () => import('./screens/license/LicenseScreen.vue') },
    { path: '/setup/:step?', name: 'setup', component: () => import('./screens/setup/SetupScreen.vue') },
    { path: '/settings', name: 'settings', redirect: '/deploy' },
    { path: '/access/:tab?', name: 'access', component: () => import('./screens/access/AccessScreen.vue') },
    // Without its code, which is not for the address bar.
    { path: '/sign-in', redirect: { name: 'site', query: {} } },
    { path: '/:rest(.*)', redirect: '/site' },
  ],
})

export const screens = ['site', 'bus', 'maps', 'limits', 'checks', 'log', 'handover', 'settings'] as const
/** Views of a screen that have an address of their own, with the screen of the rail that they belong to. */
export const parts: Readonly<Record<string, Screen>> = {
  scan: 'bus',
  listen: 'bus',
  registers: 'bus',
  frames: 'bus',
  health: 'bus',
  deploy: 'settings',
  setup: 'settings',
  access: 'settings',
  license: 'settings',
  backup: 'settings',
}
export type Screen = (typeof screens)[number]
