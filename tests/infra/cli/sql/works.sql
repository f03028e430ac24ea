CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'glücklich');
CREATE DOMAIN percent AS numeric(5, 2) CHECK (VALUE >= 0);

CREATE TABLE company (
  id serial PRIMARY KEY,
  name varchar(80) NOT NULL UNIQUE,
  founder integer,
  share percent DEFAULT 12.50,
  version integer NOT NULL DEFAULT 3
);
CREATE TABLE person (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  company_id integer NOT NULL REFERENCES company ON DELETE CASCADE,
  boss_id bigint REFERENCES person ON DELETE SET NULL,
  "fullName" text NOT NULL,
  born date,
  mood mood NOT NULL DEFAULT 'it''s ok',
  password_hash text,
  CHECK (length("fullName") > 0)
);
ALTER TABLE company ADD FOREIGN KEY (founder) REFERENCES person;
CREATE INDEX person_company ON person (company_id, born DESC);
CREATE INDEX person_lower ON person (lower("fullName"));

CREATE TABLE language (code char(2) PRIMARY KEY, label text NOT NULL);
CREATE TABLE phrase (
  language char(2) REFERENCES language,
  key text,
  body text NOT NULL DEFAULT '',
  PRIMARY KEY (language, key)
);
CREATE TABLE phrase_use (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  language char(2),
  key text,
  person bigint REFERENCES person,
  at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (language, key) REFERENCES phrase
);
CREATE TABLE project (
  slug text PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('open', 'shut')) DEFAULT 'open',
  budget numeric(30, 10) CHECK (budget >= 0),
  ratio double precision,
  tags text[] NOT NULL DEFAULT '{}',
  amounts numeric[],
  days date[],
  about jsonb NOT NULL DEFAULT '{}',
  raw json,
  seal bytea,
  started timestamp,
  ended timestamptz,
  opens time,
  lasts interval,
  address inet,
  doubled numeric GENERATED ALWAYS AS (budget * 2) STORED,
  done boolean NOT NULL DEFAULT false
);
CREATE INDEX project_state ON project (state, ended DESC, slug);
CREATE TABLE member (
  project text REFERENCES project ON DELETE CASCADE,
  person bigint REFERENCES person ON DELETE CASCADE,
  PRIMARY KEY (project, person)
);
CREATE TABLE "Task List" (
  "Id" serial PRIMARY KEY,
  "Projekt" text NOT NULL REFERENCES project (slug),
  "1st" integer DEFAULT 1,
  "größe" integer,
  "in" text,
  parent integer REFERENCES "Task List"
);
CREATE TABLE badge (person bigint PRIMARY KEY REFERENCES person, number integer UNIQUE);
CREATE TABLE journal (at timestamp, line text);
CREATE TABLE by_time (at timestamp PRIMARY KEY, value real);
CREATE VIEW names AS SELECT "fullName" FROM person;

INSERT INTO company (name, share) SELECT 'Firma ' || n || ' 🦆', n / 7.0 FROM generate_series(1, 7) n;
INSERT INTO person (company_id, "fullName", born, mood, password_hash)
  SELECT 1 + n % 7, CASE n % 3 WHEN 0 THEN 'Zoë' WHEN 1 THEN E'a\\b"c\n' ELSE '愛' END || n,
    CASE WHEN n % 4 > 0 THEN date '1950-01-01' + n END,
    (ARRAY['sad', 'it''s ok', 'glücklich'])[1 + n % 3]::mood, 'pbkdf2$' || n
  FROM generate_series(1, 450) n;
UPDATE person SET boss_id = 451 - id WHERE id % 5 > 0;
UPDATE company SET founder = id * 3 WHERE id < 6;
INSERT INTO language VALUES ('de', 'Deutsch'), ('en', 'English'), ('jp', '日本語');
INSERT INTO phrase SELECT code, key, key || ' in ' || code
  FROM language, unnest(ARRAY['a', 'a.b', 'a:b', 'import', '-x', '', 'ключ', 'x y']) key;
INSERT INTO phrase_use (language, key, person, at)
  SELECT CASE WHEN n % 6 > 0 THEN 'de' END, (ARRAY['a', 'a.b', 'a:b', '', '-x'])[1 + n % 5],
    CASE WHEN n % 2 = 0 THEN n END, timestamptz '2024-02-29 23:59:59.987654+05:30' + n * interval '1 hour'
  FROM generate_series(1, 60) n;
INSERT INTO project (slug, state, budget, ratio, tags, amounts, days, about, raw, seal, started,
                     ended, opens, lasts, address, done)
  SELECT CASE n WHEN 1 THEN 'search' WHEN 2 THEN 'über/alles' WHEN 3 THEN ' ' ELSE 'p-' || n END,
    CASE n % 2 WHEN 0 THEN 'open' ELSE 'shut' END, 12345678901234567890.0123456789 + n,
    1e-300 * 0 + n / 3.0::float8, ARRAY['t' || n, 'ü'], ARRAY[n, n + 0.25], ARRAY[date '0999-12-31'],
    jsonb_build_object('n', n, 'exact', 0.12345678901234567890123, 'deep', '[{"a": [1, null]}]'::jsonb),
    '{"b": 1.50, "a": "x"}', decode(lpad(to_hex(n), 8, '0'), 'hex'),
    timestamp '1969-12-31 23:59:59.9999' + n * interval '1 day',
    timestamptz '2000-01-01 00:00:00+00' + n * interval '1 second', time '10:00' + n * interval '1 min',
    n * interval '1 day 2 hours', '10.0.0.1', n % 2 = 0
  FROM generate_series(1, 40) n;
INSERT INTO project (slug, ended) VALUES ('never-ends', 'infinity');
INSERT INTO project (slug, ratio) VALUES ('no-number', 'NaN');
INSERT INTO project (slug, amounts) VALUES ('hole', ARRAY[1, NULL]);
INSERT INTO project (slug, raw) VALUES ('in-vain', '1e999');
INSERT INTO member SELECT slug, id FROM project, person WHERE budget > 0 AND id % 50 = 1;
INSERT INTO member VALUES ('never-ends', 1);
INSERT INTO "Task List" ("Projekt", "größe", "in", parent)
  SELECT CASE WHEN n = 9 THEN 'über/alles' ELSE 'p-' || (4 + n % 30) END, n, 'in', NULL
  FROM generate_series(1, 250) n;
UPDATE "Task List" SET parent = 251 - "Id" WHERE "Id" % 2 = 0;
INSERT INTO badge SELECT id, id * 10 FROM person WHERE id % 3 = 0;
INSERT INTO journal SELECT timestamp '2024-01-01', 'line ' || n % 40 FROM generate_series(1, 100) n;
INSERT INTO journal VALUES (NULL, NULL), (NULL, NULL);
INSERT INTO by_time SELECT timestamp '2024-01-01' + n * interval '1 microsecond', n / 4.0
  FROM generate_series(1, 300) n;
