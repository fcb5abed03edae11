-- count: One request more in this minute; raises over the limit.
select hits, resets_at from wr.count_request(%(bucket)s, %(limit)s);
