import { createRouter, createWebHashHistory } from 'vue-router'

/** Addresses after # work when served, under app:// and without help of the server. */
export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/', redirect: '/site' },
    { path: '/site', name: 'site', component: () => import('./screens/site/SiteScreen.vue') },
    { path: '/bus/:device?/:point?', name: 'bus', component: () => import('./screens/bus/BusScreen.vue') },
    { path: '/limits', name: 'limits', component: () => import('./screens/limits/LimitsScreen.vue') },
    { path: '/log', name: 'log', component: () => import('./screens/log/LogScreen.vue') },
    { path: '/access/:tab?', name: 'access', component: () => import('./screens/access/AccessScreen.vue') },
    // Without its code, which is not for the address bar.
    { path: '/sign-in', redirect: { name: 'site', query: {} } },
    { path: '/:rest(.*)', redirect: '/site' },
  ],
})

export const screens = ['site', 'bus', 'limits', 'log', 'access'] as const
export type Screen = (typeof screens)[number]
