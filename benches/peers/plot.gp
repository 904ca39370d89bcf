# Plots what `cargo bench --bench peers -- --tsv peers.tsv` wrote:
#
#     gnuplot -e "data='peers.tsv'" benches/peers/plot.gp
#
# It writes docs/benchmarks.svg. Its own background makes it legible on light and dark pages.

if (!exists("data")) data = "peers.tsv"
if (!exists("image")) image = "docs/benchmarks.svg"

set datafile separator tab
set datafile missing ""
peers = "nginx HAProxy Caddy static-web-server"
colors = "#0b6e4f #1f5fbf #b3401a #6b3fa0"
points = "7 5 9 13"

# The scenarios, from the top. The gateway's own rows have no ratio, and the scenario `bare` is not about it.
scenarios = system("awk -F'\\t' 'NR > 1 && $1 != \"bare\" && $8 != \"\" && index(\"nginx HAProxy Caddy static-web-server\", $3) && !seen[$1]++ { print $1 }' " . data)
count = words(scenarios)
row(name) = sum [i = 1:count] (word(scenarios, i) eq name ? i : 0)
offset(i) = 0.18 * (i - 2.5)

set terminal svg size 900, 190 + 34 * count font "sans-serif,14" background "#ffffff"
set output image
set title "downtime compared with other servers, each on one core" font ",16"
set xlabel "requests per second divided by those of the other server: median, lowest and highest"
set logscale x 2
set xrange [0.25:16]
set xtics ("¼" 0.25, "½" 0.5, "1" 1, "2" 2, "4" 4, "8" 8, "16" 16) textcolor rgb "#1f2328"
set yrange [count + 0.6:0.4]
set ytics () textcolor rgb "#1f2328"
do for [i = 1:count] { set ytics add (word(scenarios, i) i) }
set grid x linecolor rgb "#d0d7de"
set border 3 linecolor rgb "#57606a"
set tics nomirror
set key outside bottom center horizontal
set arrow from 1, graph 0 to 1, graph 1 nohead linewidth 2 linecolor rgb "#57606a"

plot for [i = 1:words(peers)] data \
    using (strcol(3) eq word(peers, i) && row(strcol(1)) > 0 ? $8 : NaN):(row(strcol(1)) + offset(i)):9:10 \
    with xerrorbars linewidth 2 pointsize 0.7 pointtype int(word(points, i)) \
    linecolor rgb word(colors, i) title word(peers, i)
