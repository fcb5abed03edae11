-- count: One attempt more; raises over the limit.
select wr.count_attempt(%(subject)s, %(most)s, %(seconds)s);

-- forgive: An attempt that is not held against anybody, or all of them.
select wr.forgive_attempt(%(subject)s, %(wholly)s);
