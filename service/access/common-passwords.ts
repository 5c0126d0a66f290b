/**
 * The commonest passwords, and the words that begin or end them: compared in lower case, also without the digits and signs
 * at the ends and with look-alike digits read as letters. Long passwords that people think nobody else uses come last.
 */
const list = `
password passwords passwort passwrd passw0rd pass motdepasse contrasena parola senha wachtwoord haslo kennwort geheim
qwerty qwertz azerty qwertyuiop qwertzuiop asdfghjkl asdfghjk zxcvbnm yxcvbnm qazwsx qazwsxedc
letmein welcome willkommen bienvenue changeme changeit default secret secrets master admin administrator administrateur
root toor user username guest gast test tester testing login logon access anmelden system service support
superuser superman supervisor operator installer installateur viewer manager energy energie ems rems battery batterie
inverter wechselrichter solar solarpower photovoltaik photovoltaic sunshine sonnenschein sunspec modbus charger
charging wallbox electric electricity strom grid meter sensor scada plc hmi controller industry factory
iloveyou ichliebedich loveyou lovely princess prinzessin dragon drache monkey football fussball baseball basketball
hockey soccer batman spiderman starwars pokemon naruto minecraft fortnite michael michelle jennifer jessica daniel
charlie jordan thomas andrew joshua matthew anthony ashley nicole samantha hannah robert william
shadow hunter killer ranger tigger ginger pepper cookie cheese chocolate schokolade banana orange flower blume
summer sommer winter spring fruehling autumn herbst january january february march april may june july august september
october november december montag monday friday freitag sunday sonntag
freedom whatever trustno computer internet windows microsoft google facebook samsung android iphone apple
hello hallo helloworld hello123 bonjour ciao
correcthorsebatterystaple correct-horse-battery-staple correct horse battery staple
passwordpassword adminadmin adminpassword passwordadmin administratorpassword rootpassword userpassword mypassword
thisismypassword thisisapassword thisispassword ilovepassword passwordispassword yourpassword newpassword oldpassword
defaultpassword temppassword temporarypassword testpassword secretpassword supersecret topsecret supersecretpassword
letmeinplease letmeinnow pleaseletmein opensesame sesamoeffnedich welcomehome welcomeback welcometo
changemeplease changemenow pleasechangeme changethis changethispassword donotchange
iloveyousomuch iloveyouforever ichliebedichsosehr qwertyqwerty qwertyuiopasdfghjkl qwertyasdfgh asdfasdfasdf asdfqwer
abcabcabcabc abcdefghijkl abcdefghijklm abcabc abcdef abcd1234 abc trustnoone trustnobody nopassword nopasswordhere
footballfootball monkeymonkey dragondragon masteradmin sysadmin systemadmin superadmin superadministrator
energymanagement energymanager energymanagementsystem batterystorage solarinverter sunnyboy sunnyhome
commissioning inbetriebnahme openems openenergy raspberry raspberrypi pi
`

export const commonPasswords: ReadonlySet<string> = new Set([
  ...list.split(/\s+/).filter(Boolean),
  'correct horse battery staple',
  'to be or not to be',
  'the quick brown fox',
])
