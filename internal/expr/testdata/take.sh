#!/bin/sh
# Takes the results in *.golden anew from the PostgreSQL that psql reaches (its
# environment variables say which). The expressions are the lines that are not
# indented. The data base must have collation C and version 15.
set -e
cd "$(dirname "$0")"
psql -XqAt -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
create or replace function ssmr_take(t text) returns text language plpgsql as $$
declare r text;
begin
  execute 'select pg_typeof(x)::text || '' '' || case when x is null then ''NULL''
    else to_json(format(''%s'', x))::text end from (select (' || t || ') as x) s' into r;
  return r;
exception when others then
  return 'ERROR ' || sqlstate || ' ' || sqlerrm;
end $$;
SQL
for f in *.golden; do
  {
    echo "set timezone = 'UTC';"
    grep -v '^ ' "$f" | while IFS= read -r line; do
      printf "select \$zz\$%s\$zz\$ || chr(10) || '    ' || ssmr_take(\$zz\$%s\$zz\$);\n" "$line" "$line"
    done
  } | psql -XqAt > "$f.new"
  mv "$f.new" "$f"
done
psql -Xq -c 'drop function ssmr_take(text)'
