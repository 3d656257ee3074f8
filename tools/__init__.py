"""Commands that write parts of docs/ and .env.example; not used by the running bot."""
