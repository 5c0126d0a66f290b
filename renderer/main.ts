import './style/fonts.css'
import './style/tokens.css'
import './style/base.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { followDesktop } from './client/desktop-bridge.ts'
import { serviceKey } from './client/key.ts'
import { createServiceClient } from './client/service-client.ts'
import { i18n } from './i18n.ts'
import { installSignInLinks } from './links.ts'
import { router } from './router.ts'

const { desktop } = window
const service = createServiceClient(desktop ? undefined : new URL('/', location.href).href, {
  bearer: desktop !== undefined,
})
if (desktop) void followDesktop(desktop, service)
else {
  await installSignInLinks(router, service)
  // Neither the screens nor the sign-in are shown before it is known which.
  await service.settled
}

createApp(App).provide(serviceKey, service).use(createPinia()).use(i18n).use(router).mount('#app')
