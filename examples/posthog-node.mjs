// node posthog-node.mjs PROJECT_TOKEN [URL]: an anonymous visitor looks at a page, signs up, and is one person from then on.
import { PostHog } from 'posthog-node';

const [token, host = 'http://127.0.0.1:8000'] = process.argv.slice(2);
const posthog = new PostHog(token, { host });
posthog.capture({ distinctId: 'anonymous-1', event: '$pageview', properties: { $current_url: 'https://example.com/' } });
posthog.identify({ distinctId: 'ada@example.com', properties: { $anon_distinct_id: 'anonymous-1', plan: 'free' } });
posthog.capture({ distinctId: 'ada@example.com', event: 'signed up' });
await posthog.shutdown();
console.log("Now ask: SELECT event, distinct_id, person_id FROM events ORDER BY timestamp");
