package emulator

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The model behind every serving endpoint: linear discriminant analysis of Fisher's iris measurements, so that scoring
// returns meaningful predictions. The data set is in the public domain (archive.ics.uci.edu/dataset/53/iris, doi
// 10.24432/C56C76).

//go:embed iris.csv
var irisCSV string

// A classifier computes one linear score per class, and predicts the class with the largest score.
type classifier struct {
	columns []string
	classes []string
	weights [][]float64 // by class, then by column
	bias    []float64
}

var irisClassifier = sync.OnceValue(func() *classifier {
	columns, rows, labels, err := readLabelled(irisCSV)
	if err != nil {
		panic("emulator: the embedded iris data: " + err.Error())
	}
	return trainClassifier(columns, rows, labels)
})

// readLabelled reads a CSV text with a header. Its last column is the class of each row.
func readLabelled(text string) (columns []string, rows [][]float64, labels []string, err error) {
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return nil, nil, nil, err
	}
	last := len(records[0]) - 1
	for _, record := range records[1:] {
		row := make([]float64, last)
		for i := range row {
			if row[i], err = strconv.ParseFloat(record[i], 64); err != nil {
				return nil, nil, nil, fmt.Errorf("row %v: %w", record, err)
			}
		}
		rows, labels = append(rows, row), append(labels, record[last])
	}
	return records[0][:last], rows, labels, nil
}

// trainClassifier computes the mean of each class and one covariance for all classes, and returns their classifier.
func trainClassifier(columns []string, rows [][]float64, labels []string) *classifier {
	classes := slices.Compact(slices.Sorted(slices.Values(labels)))
	n := len(columns)
	means, counts := make([][]float64, len(classes)), make([]float64, len(classes))
	for k := range means {
		means[k] = make([]float64, n)
	}
	for r, row := range rows {
		k := slices.Index(classes, labels[r])
		counts[k]++
		for i, v := range row {
			means[k][i] += v
		}
	}
	for k := range means {
		for i := range means[k] {
			means[k][i] /= counts[k]
		}
	}
	covariance := make([][]float64, n)
	for i := range covariance {
		covariance[i] = make([]float64, n)
	}
	for r, row := range rows {
		mean := means[slices.Index(classes, labels[r])]
		for i := range n {
			for j := range n {
				covariance[i][j] += (row[i] - mean[i]) * (row[j] - mean[j]) / float64(len(rows)-len(classes))
			}
		}
	}
	c := &classifier{columns: columns, classes: classes}
	for k, mean := range means {
		w := solve(covariance, mean)
		bias := math.Log(counts[k] / float64(len(rows)))
		for i := range w {
			bias -= w[i] * mean[i] / 2
		}
		c.weights, c.bias = append(c.weights, w), append(c.bias, bias)
	}
	return c
}

// solve returns the solution x of the linear equations a·x = b, by Gaussian elimination with pivoting.
func solve(a [][]float64, b []float64) []float64 {
	n := len(b)
	m := make([][]float64, n)
	for i := range m {
		m[i] = append(slices.Clone(a[i]), b[i])
	}
	for col := range n {
		pivot := col
		for r := col + 1; r < n; r++ {
			if math.Abs(m[r][col]) > math.Abs(m[pivot][col]) {
				pivot = r
			}
		}
		m[col], m[pivot] = m[pivot], m[col]
		for r := range n {
			if r == col {
				continue
			}
			f := m[r][col] / m[col][col]
			for k := col; k <= n; k++ {
				m[r][k] -= f * m[col][k]
			}
		}
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = m[i][n] / m[i][i]
	}
	return x
}

func (c *classifier) predict(row []float64) string {
	best, bestScore := "", math.Inf(-1)
	for k, class := range c.classes {
		score := c.bias[k]
		for i, v := range row {
			score += c.weights[k][i] * v
		}
		if score > bestScore {
			best, bestScore = class, score
		}
	}
	return best
}
