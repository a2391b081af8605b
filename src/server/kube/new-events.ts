/** `events.k8s.io/v1`: the store as seen through the newer form of Events, so that every handler serves it as any resource. */
import { coreEventOf, newEventOf } from "../../api/event-form.ts";
import type { Event, EventsEvent } from "../../api/gen/types.ts";
import type { KubeObject } from "../../api/object.ts";
import { EVENTS, NEW_EVENTS, resourceNameOf } from "../../api/resources.ts";
import type { Store, StoreEvent } from "../../store/store.ts";
import type { Handler } from "./context.ts";

const [STORED, SEEN] = [resourceNameOf(EVENTS), resourceNameOf(NEW_EVENTS)];

/** The same object comes out for the same object, as the store itself does it. */
const seen = new WeakMap<KubeObject, EventsEvent>();

function see(stored: KubeObject): EventsEvent {
  let event = seen.get(stored);
  if (!event) seen.set(stored, (event = newEventOf(stored as Event)));
  return event;
}

/** A handler that finds {@link NEW_EVENTS} in the store. */
export function withNewEvents(handler: Handler): Handler {
  return (context) => handler({ ...context, node: { ...context.node, store: newEventStore(context.node.store) } });
}

/** Only {@link NEW_EVENTS} looks different; everything else is the store's own. */
function newEventStore(store: Store): Store {
  return {
    create: (resource, object, durability) =>
      resource === SEEN
        ? see(store.create(STORED, coreEventOf(object as EventsEvent), durability))
        : store.create(resource, object, durability),
    get: (key) => {
      if (key.resource !== SEEN) return store.get(key);
      const event = store.get({ ...key, resource: STORED });
      return event && see(event);
    },
    list: (resource, namespace, at) => {
      if (resource !== SEEN) return store.list(resource, namespace, at);
      const { items, resourceVersion } = store.list(STORED, namespace, at);
      return { items: items.map(see), resourceVersion };
    },
    update: (resource, object, durability) =>
      resource === SEEN
        ? see(store.update(STORED, coreEventOf(object as EventsEvent), durability))
        : store.update(resource, object, durability),
    delete: (key, options) =>
      key.resource === SEEN ? see(store.delete({ ...key, resource: STORED }, options)) : store.delete(key, options),
    version: () => store.version(),
    durableVersion: () => store.durableVersion(),
    synced: () => store.synced(),
    watch: (resource, listener, since) =>
      resource === SEEN
        ? store.watch(STORED, (event) => listener(seeChange(event)), since)
        : store.watch(resource, listener, since),
    backup: async (file) => await store.backup(file),
    [Symbol.dispose]: () => store[Symbol.dispose](),
  };
}

function seeChange(event: StoreEvent): StoreEvent {
  return {
    ...event,
    resource: SEEN,
    object: see(event.object),
    ...(event.previous && { previous: see(event.previous) }),
  };
}
