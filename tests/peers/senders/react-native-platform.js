// A stand-in for what React Native gives an app, for Node: as much as the core of @segment/analytics-react-native asks for.
const Module = require('module')

const nothing = { remove() {} }
const platform = {
  react: { createContext: () => ({ Provider: null }), useContext() {}, useMemo: (make) => make(), createElement() {} },
  'react-native': {
    AppState: { currentState: 'active', addEventListener: () => nothing },
    NativeEventEmitter: class {
      addListener() {
        return nothing
      }
    },
    NativeModules: {
      AnalyticsReactNative: { getContextInfo: async () => ({ appName: 'Tëst', osName: 'none', networkType: 'wifi' }) },
      Sovran: { getConstants: () => ({ ON_STORE_ACTION: 'action' }) },
    },
    Platform: { OS: 'ios', select: (choices) => choices.ios },
  },
}
const load = Module._load
Module._load = (name, ...rest) => platform[name] ?? load(name, ...rest)

// The core sends half a minute after the last event: not here.
const later = globalThis.setTimeout
globalThis.setTimeout = (run, ms, ...rest) => later(run, ms === 30000 ? 500 : ms, ...rest)
