package expr

// functionTables returns the tables of functions, one for each topic.
func functionTables() [][]fun {
	return [][]fun{numberFunctions(), textFunctions(), dateFunctions(), jsonFunctions(), arrayFunctions(), sessionFunctions()}
}

// operatorTable is PostgreSQL's pg_operator: operator, types of the operands (-:
// a prefix operator), oid of the function.
const operatorTable = `
!~* bpchar text 1657
!~* name text 1241
!~* text text 1239
!~ bpchar text 1659
!~ name text 1252
!~ text text 1256
!~~* bpchar text 1661
!~~* name text 1636
!~~* text text 1634
!~~ bpchar text 1632
!~~ bytea bytea 2006
!~~ name text 859
!~~ text text 851
#- jsonb _text 3304
#>> jsonb _text 3940
#>> json _text 3953
#> jsonb _text 3217
#> json _text 3951
# int2 int2 1894
# int4 int4 1900
# int8 int8 1906
% int2 int2 155
% int4 int4 156
% int8 int8 945
% numeric numeric 1729
&& anyarray anyarray 2747
& int2 int2 1892
& int4 int4 1898
& int8 int8 1904
* float4 float4 202
* float4 float8 279
* float8 float4 283
* float8 float8 216
* float8 interval 1624
* int2 int2 152
* int2 int4 170
* int2 int8 943
* int4 int2 171
* int4 int4 141
* int4 int8 1280
* int8 int2 839
* int8 int4 1276
* int8 int8 465
* interval float8 1618
* numeric numeric 1726
+ - float4 1913
+ - float8 1914
+ - int2 1911
+ - int4 1912
+ - int8 1910
+ - numeric 1915
+ date int4 1141
+ date interval 2071
+ date time 1272
+ float4 float4 204
+ float4 float8 281
+ float8 float4 285
+ float8 float8 218
+ int2 int2 176
+ int2 int4 178
+ int2 int8 841
+ int4 date 2550
+ int4 int2 179
+ int4 int4 177
+ int4 int8 1278
+ int8 int2 837
+ int8 int4 1274
+ int8 int8 463
+ interval date 2546
+ interval interval 1169
+ interval timestamptz 2549
+ interval timestamp 2548
+ interval time 1848
+ numeric numeric 1724
+ timestamptz interval 1189
+ timestamp interval 2032
+ time date 1296
+ time interval 1747
->> jsonb int4 3216
->> jsonb text 3214
->> json int4 3950
->> json text 3948
-> jsonb int4 3215
-> jsonb text 3478
-> json int4 3949
-> json text 3947
- - float4 206
- - float8 220
- - int2 213
- - int4 212
- - int8 462
- - interval 1168
- - numeric 1771
- date date 1140
- date int4 1142
- date interval 2072
- float4 float4 205
- float4 float8 282
- float8 float4 286
- float8 float8 219
- int2 int2 180
- int2 int4 182
- int2 int8 942
- int4 int2 183
- int4 int4 181
- int4 int8 1279
- int8 int2 838
- int8 int4 1275
- int8 int8 464
- interval interval 1170
- jsonb _text 3343
- jsonb int4 3303
- jsonb text 3302
- numeric numeric 1725
- timestamptz interval 1190
- timestamptz timestamptz 1188
- timestamp interval 2033
- timestamp timestamp 2031
- time interval 1748
- time time 1690
/ float4 float4 203
/ float4 float8 280
/ float8 float4 284
/ float8 float8 217
/ int2 int2 153
/ int2 int4 172
/ int2 int8 948
/ int4 int2 173
/ int4 int4 154
/ int4 int8 1281
/ int8 int2 840
/ int8 int4 1277
/ int8 int8 466
/ interval float8 1326
/ numeric numeric 1727
<< int2 int4 1896
<< int4 int4 1902
<< int8 int4 1908
<= anyarray anyarray 393
<= bool bool 1691
<= bpchar bpchar 1050
<= bytea bytea 1950
<= date date 1088
<= date timestamptz 2352
<= date timestamp 2339
<= float4 float4 290
<= float4 float8 302
<= float8 float4 308
<= float8 float8 296
<= int2 int2 148
<= int2 int4 166
<= int2 int8 1854
<= int4 int2 167
<= int4 int4 149
<= int4 int8 856
<= int8 int2 1860
<= int8 int4 478
<= int8 int8 471
<= interval interval 1165
<= jsonb jsonb 4041
<= name name 656
<= name text 242
<= numeric numeric 1723
<= oid oid 717
<= text name 249
<= text text 741
<= timestamptz date 2378
<= timestamptz timestamptz 1155
<= timestamptz timestamp 2528
<= timestamp date 2365
<= timestamp timestamptz 2521
<= timestamp timestamp 2055
<= time time 1103
<= uuid uuid 2955
<> anyarray anyarray 390
<> bool bool 84
<> bpchar bpchar 1053
<> bytea bytea 1953
<> date date 1091
<> date timestamptz 2356
<> date timestamp 2343
<> float4 float4 288
<> float4 float8 300
<> float8 float4 306
<> float8 float8 294
<> int2 int2 145
<> int2 int4 164
<> int2 int8 1851
<> int4 int2 165
<> int4 int4 144
<> int4 int8 853
<> int8 int2 1857
<> int8 int4 475
<> int8 int8 468
<> interval interval 1163
<> jsonb jsonb 4038
<> name name 659
<> name text 245
<> numeric numeric 1719
<> oid oid 185
<> text name 252
<> text text 157
<> timestamptz date 2382
<> timestamptz timestamptz 1153
<> timestamptz timestamp 2532
<> timestamp date 2369
<> timestamp timestamptz 2525
<> timestamp timestamp 2053
<> time time 1106
<> uuid uuid 2959
<@ anyarray anyarray 2749
<@ jsonb jsonb 4050
< anyarray anyarray 391
< bool bool 56
< bpchar bpchar 1049
< bytea bytea 1949
< date date 1087
< date timestamptz 2351
< date timestamp 2338
< float4 float4 289
< float4 float8 301
< float8 float4 307
< float8 float8 295
< int2 int2 64
< int2 int4 160
< int2 int8 1852
< int4 int2 161
< int4 int4 66
< int4 int8 854
< int8 int2 1858
< int8 int4 476
< int8 int8 469
< interval interval 1164
< jsonb jsonb 4039
< name name 655
< name text 241
< numeric numeric 1722
< oid oid 716
< text name 248
< text text 740
< timestamptz date 2377
< timestamptz timestamptz 1154
< timestamptz timestamp 2527
< timestamp date 2364
< timestamp timestamptz 2520
< timestamp timestamp 2054
< time time 1102
< uuid uuid 2954
= anyarray anyarray 744
= bool bool 60
= bpchar bpchar 1048
= bytea bytea 1948
= date date 1086
= date timestamptz 2353
= date timestamp 2340
= float4 float4 287
= float4 float8 299
= float8 float4 305
= float8 float8 293
= int2 int2 63
= int2 int4 158
= int2 int8 1850
= int4 int2 159
= int4 int4 65
= int4 int8 852
= int8 int2 1856
= int8 int4 474
= int8 int8 467
= interval interval 1162
= jsonb jsonb 4043
= name name 62
= name text 240
= numeric numeric 1718
= oid oid 184
= text name 247
= text text 67
= timestamptz date 2379
= timestamptz timestamptz 1152
= timestamptz timestamp 2529
= timestamp date 2366
= timestamp timestamptz 2522
= timestamp timestamp 2052
= time time 1145
= uuid uuid 2956
>= anyarray anyarray 396
>= bool bool 1692
>= bpchar bpchar 1052
>= bytea bytea 1952
>= date date 1090
>= date timestamptz 2355
>= date timestamp 2342
>= float4 float4 292
>= float4 float8 304
>= float8 float4 310
>= float8 float8 298
>= int2 int2 151
>= int2 int4 168
>= int2 int8 1855
>= int4 int2 169
>= int4 int4 150
>= int4 int8 857
>= int8 int2 1861
>= int8 int4 479
>= int8 int8 472
>= interval interval 1166
>= jsonb jsonb 4042
>= name name 658
>= name text 243
>= numeric numeric 1721
>= oid oid 1639
>= text name 250
>= text text 743
>= timestamptz date 2381
>= timestamptz timestamptz 1156
>= timestamptz timestamp 2531
>= timestamp date 2368
>= timestamp timestamptz 2524
>= timestamp timestamp 2056
>= time time 1105
>= uuid uuid 2957
>> int2 int4 1897
>> int4 int4 1903
>> int8 int4 1909
> anyarray anyarray 392
> bool bool 57
> bpchar bpchar 1051
> bytea bytea 1951
> date date 1089
> date timestamptz 2354
> date timestamp 2341
> float4 float4 291
> float4 float8 303
> float8 float4 309
> float8 float8 297
> int2 int2 146
> int2 int4 162
> int2 int8 1853
> int4 int2 163
> int4 int4 147
> int4 int8 855
> int8 int2 1859
> int8 int4 477
> int8 int8 470
> interval interval 1167
> jsonb jsonb 4040
> name name 657
> name text 244
> numeric numeric 1720
> oid oid 1638
> text name 251
> text text 742
> timestamptz date 2380
> timestamptz timestamptz 1157
> timestamptz timestamp 2530
> timestamp date 2367
> timestamp timestamptz 2523
> timestamp timestamp 2057
> time time 1104
> uuid uuid 2958
?& jsonb _text 4049
? jsonb text 4047
?| jsonb _text 4048
@> anyarray anyarray 2748
@> jsonb jsonb 4046
@@ text text 3760
@ - float4 207
@ - float8 221
@ - int2 1253
@ - int4 1251
@ - int8 1230
@ - numeric 1704
^@ text text 3696
^ float8 float8 232
^ numeric numeric 1739
|/ - float8 230
||/ - float8 231
| int2 int2 1893
| int4 int4 1899
| int8 int8 1905
|| anycompatiblearray anycompatiblearray 383
|| anycompatiblearray anycompatible 378
|| anycompatible anycompatiblearray 379
|| anynonarray text 2004
|| bytea bytea 2011
|| jsonb jsonb 3301
|| text anynonarray 2003
|| text text 1258
~* bpchar text 1656
~* name text 1240
~* text text 1238
~<=~ bpchar bpchar 2175
~<=~ text text 2161
~<~ bpchar bpchar 2174
~<~ text text 2160
~>=~ bpchar bpchar 2177
~>=~ text text 2163
~>~ bpchar bpchar 2178
~>~ text text 2164
~ - int2 1895
~ - int4 1901
~ - int8 1907
~ bpchar text 1658
~ name text 79
~ text text 1254
~~* bpchar text 1660
~~* name text 1635
~~* text text 1633
~~ bpchar text 1631
~~ bytea bytea 2005
~~ name text 858
~~ text text 850
`

// castTable is PostgreSQL's pg_cast: from, to, context (implicit, assignment,
// explicit) and method (function, binary coercible, input and output functions).
const castTable = `
bool bpchar af
bool int4 ef
bool text af
bool varchar af
bpchar name if
bpchar text if
bpchar varchar if
date timestamp if
date timestamptz if
float4 float8 if
float4 int2 af
float4 int4 af
float4 int8 af
float4 numeric af
float8 float4 af
float8 int2 af
float8 int4 af
float8 int8 af
float8 numeric af
int2 float4 if
int2 float8 if
int2 int4 if
int2 int8 if
int2 numeric if
int2 oid if
int4 bool ef
int4 float4 if
int4 float8 if
int4 int2 af
int4 int8 if
int4 numeric if
int4 oid if
int8 float4 if
int8 float8 if
int8 int2 af
int8 int4 af
int8 numeric if
int8 oid if
interval time af
json jsonb ai
jsonb bool ef
jsonb float4 ef
jsonb float8 ef
jsonb int2 ef
jsonb int4 ef
jsonb int8 ef
jsonb json ai
jsonb numeric ef
name bpchar af
name text if
name varchar af
numeric float4 if
numeric float8 if
numeric int2 af
numeric int4 af
numeric int8 af
oid int4 af
oid int8 af
text bpchar ib
text name if
text varchar ib
time interval if
timestamp date af
timestamp time af
timestamp timestamptz if
timestamptz date af
timestamptz time af
timestamptz timestamp af
varchar bpchar ib
varchar name if
varchar text ib
`
